"""How often alarms are false: outlets with nothing wrong, over weeks, judged after every run.

python tests/bench/alarms.py [OUTLETS] [SEED]
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from monitoring.made import drawn, month  # noqa: E402

from newscrawl.monitoring.alarms import evaluate_alarms  # noqa: E402
from newscrawl.monitoring.history import WINDOW, RunRecord  # noqa: E402
from newscrawl.outlet import Expect  # noqa: E402

DAYS = 42
"Two weeks that history is made of, and a month that is judged."


def false_alarms(runs: list[RunRecord]) -> set[str]:
    """Names of the alarms that any of the runs raised."""
    return {
        alarm.name
        for number, run in enumerate(runs, start=1)
        for alarm in evaluate_alarms(within(runs[:number], run.started), Expect())
    }


def within(runs: list[RunRecord], moment: int) -> list[RunRecord]:
    return [run for run in runs if run.started > moment - WINDOW]


def main(outlets: int, seed: int) -> None:
    began, judged, ill, names = time.perf_counter(), 0, 0, Counter[str]()
    for number in range(outlets):
        chance = random.Random(seed + number)
        runs = month(drawn(chance), chance, days=DAYS)
        found = false_alarms(runs)
        judged, ill = judged + len(runs), ill + bool(found)
        names.update(found)
    months = outlets * DAYS / 28
    seconds = time.perf_counter() - began
    print(f"{outlets} outlets, {months:.0f} outlet-months, {judged} runs judged")
    print(f"{seconds / judged * 1e3:.1f} ms each")
    print(f"outlet-months with a false alarm: {ill} ({ill / months:.2%}) {dict(names)}")


if __name__ == "__main__":
    main(*(int(text) for text in (sys.argv[1:] + ["100", "1"][len(sys.argv) - 1 :])))
