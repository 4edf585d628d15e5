"""A month of many outlets: `PYTHONPATH=tests python tests/bench/month.py [outlets] [days] [jobs]`."""

from __future__ import annotations

import sys
import time
from statistics import median

from wire.month_model import TICK, Month
from wire.paper_model import DAY, HOUR, papers

BEGIN = 1_772_323_200
"A midnight in UTC."
FIXED = 30 * 60


def share(late: list[int], seconds: int) -> str:
    return f"{sum(one <= seconds for one in late) / max(1, len(late)):6.1%}"


def show(month: Month, days: int) -> None:
    outcome, every = month.outcome, [seconds for late in month.outcome.late.values() for seconds in late]
    waits = sorted(outcome.waits)
    print(f"{outcome.runs} runs, {outcome.killed} of them killed; requests: {dict(outcome.requests)}")
    asked = sum(outcome.asked.values()) / days
    fixed = len(month.papers) * DAY / FIXED
    print(f"sources asked a day: {asked:.0f}; every {FIXED // 60} min it would be {fixed:.0f}")
    print(
        f"an outlet that is due waits {median(waits)} s, 99 of 100 at most {waits[len(waits) * 99 // 100]} s,"
        f" none more than {waits[-1]} s (a tick is {TICK} s)"
    )
    print(f"impolite requests: {outcome.impolite}; edits seen: {outcome.edits_seen}")
    print(f"stories {len(every)}: within 1 h {share(every, HOUR)}, within 6 h {share(every, 6 * HOUR)}")
    print(
        f"{'newsrooms':16}{'count':>6}{'asked a day, first week':>26}"
        + "".join(f"{name:>8}" for name in ("last", "1 h", "6 h", "24 h"))
    )
    for kind in sorted({paper.kind for paper in month.papers.values()}):
        count = sum(paper.kind == kind for paper in month.papers.values())
        weeks = [
            sum(outcome.asked[kind, day] for day in some) / count / len(some)
            for some in (range(min(7, days)), range(max(0, days - 7), days))
        ]
        late = outcome.late.get(kind, [])
        shares = "".join(f"{share(late, hours * HOUR):>8}" for hours in (1, 6, 24))
        print(f"{kind:16}{count:6}{weeks[0]:26.1f}{weeks[1]:8.1f}{shares}")


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    outlets, days, jobs = (*given, *(1000, 30, 8)[len(given) :])
    began = time.process_time()
    month = Month(papers(outlets, BEGIN, days, seed=1), BEGIN, jobs, seed=2)
    month.pass_(days)
    show(month, days)
    print(f"{time.process_time() - began:.0f} s of CPU")
