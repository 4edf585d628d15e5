"""The board that `newscrawl grafana` writes shows what newscrawl measures, and Grafana finds it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner

from newscrawl.cli import app
from newscrawl.errors import NewscrawlError
from newscrawl.monitoring.agreement import Agreement
from newscrawl.monitoring.prometheus import RunSnapshot, render_metrics

_METRIC = re.compile(r"newscrawl_\w+")
_LABELS = re.compile(r"by \((\w+)\)|\{\{(\w+)\}\}|\{(\w+)=~")
VIEWER_SOURCE = Path(__file__).parents[2] / "newscrawl" / "view" / "site.py"
RUN = RunSnapshot(
    outlet="echo",
    finished=1.0,
    succeeded=True,
    last_success=1.0,
    next_due=2.0,
    seconds=3.0,
    articles=4,
    warc_bytes=5,
    waiting=6,
    pages={"article": 4},
    sources={"ok": 1},
    languages={"fr": 4},
    statuses={"200": 5},
    agreement=Agreement(whole=1, common=100),
)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("grafana")
    done = CliRunner().invoke(app, ["grafana", str(folder), "--prometheus", "http://prom:9090"])
    assert done.exit_code == 0, done.output
    assert all(Path(line).is_file() for line in done.stdout.splitlines())
    return folder


@pytest.fixture(scope="module")
def board(written: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((written / "boards" / "newscrawl.json").read_text(encoding="utf-8"))
    return data


def expressions(board: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (target["expr"], target["legendFormat"]) for panel in board["panels"] for target in panel["targets"]
    ]


def test_every_figure_of_the_board_is_one_that_newscrawl_writes(board: dict[str, Any]) -> None:
    families = list(text_string_to_metric_families(render_metrics(RUN).decode()))
    measured = {sample.name: {*sample.labels} for family in families for sample in family.samples}
    own = re.findall(r'^        "(\w+)": \($', VIEWER_SOURCE.read_text(encoding="utf-8"), re.MULTILINE)
    measured |= {f"newscrawl_{name}": {"outlet"} for name in own}
    shown = expressions(board)
    assert len(shown) > 12
    for expression, legend in shown:
        [*names] = _METRIC.findall(expression)
        assert names, expression
        for name in names:
            assert name in measured, expression
            labels = {label for found in _LABELS.findall(expression + legend) for label in found if label}
            assert labels <= measured[name], expression
    # And a figure that nobody looks at is no reason to measure it.
    missing = {name for name in measured if name.startswith("newscrawl_run_")} - {
        name for expression, _ in shown for name in _METRIC.findall(expression)
    }
    assert missing == {"newscrawl_run_finished_timestamp_seconds", "newscrawl_run_witnesses"}


def test_prometheus_understands_every_question(board: dict[str, Any]) -> None:
    for expression, _ in expressions(board):
        promql_parser.parse(expression.replace("$outlet", ".*"))


def test_the_panels_fill_the_board_and_do_not_overlap(board: dict[str, Any]) -> None:
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in board["panels"])
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells) == 24 * (1 + max(y for _, y in cells))
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert all(panel["description"] for panel in board["panels"])


def test_grafana_finds_the_board_and_prometheus(written: Path, board: dict[str, Any]) -> None:
    [provider] = yaml.safe_load(
        (written / "provisioning" / "dashboards" / "newscrawl.yaml").read_text(encoding="utf-8")
    )["providers"]
    assert Path(provider["options"]["path"]) == written / "boards"
    [source] = yaml.safe_load(
        (written / "provisioning" / "datasources" / "newscrawl.yaml").read_text(encoding="utf-8")
    )["datasources"]
    assert (source["type"], source["url"]) == ("prometheus", "http://prom:9090")
    assert {panel["datasource"]["uid"] for panel in board["panels"]} == {source["uid"]}
    [job] = yaml.safe_load((written / "prometheus.yml").read_text(encoding="utf-8"))["scrape_configs"]
    assert job["static_configs"] == [{"targets": ["localhost:8700"]}]


def test_files_that_exist_are_kept(written: Path) -> None:
    done = CliRunner().invoke(app, ["grafana", str(written)])
    assert isinstance(done.exception, NewscrawlError)
    assert "newscrawl.json exists: name another folder, or replace it with --force" in str(done.exception)
    done = CliRunner().invoke(app, ["grafana", str(written), "--force", "--mounted", "/etc/boards"])
    assert done.exit_code == 0
    text = (written / "provisioning" / "dashboards" / "newscrawl.yaml").read_text(encoding="utf-8")
    assert 'path: "/etc/boards/boards"' in text
