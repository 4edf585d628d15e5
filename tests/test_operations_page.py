"""What docs/operations.md tells people to type works, on an archive of a real crawl."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from wire import postgres
from wire.crawl import ROOT, Crawl, crawl, environment

from newscrawl.demo.catalogue import demo_site, write_outlets
from newscrawl.demo.server import Newsroom, serve_in_thread

pytestmark = pytest.mark.crawl

OUTLET = "val_sambre"
PAGE = ROOT / "docs" / "operations.md"
BLOCKS = re.findall(r"^```\n(.*?)^```\n", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
STAND_INS = {
    # Nothing of the machine may change, and there is no cluster: these note what they were told.
    "sudo": 'exec "$@"',
    "tee": 'cat > "$NOTED/$(basename "$1")"',
    "systemctl": 'echo "$@" >> "$NOTED/systemctl"',
    "journalctl": 'echo "$@" >> "$NOTED/journalctl"',
    "crontab": '[ "$1" = -l ] || cat > "$NOTED/crontab"',
    "kubectl": 'cat > "$NOTED/cronjob.yaml"',
    # What they would fetch is tried by tests/users/.
    "python3": 'echo "$@" >> "$NOTED/python3"',
    "pip": 'echo "$@" >> "$NOTED/pip"',
}
"Programs that cannot be run here, and what stands in for them."
OPT_PIP = "/opt/newscrawl/bin/pip"


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Crawl:
    folder = tmp_path_factory.mktemp("operations")
    with serve_in_thread(Newsroom([demo_site(OUTLET)])) as served:
        write_outlets(served.bases, folder / "outlets")
        return crawl(OUTLET, archives=folder / "archives", NEWSCRAWL_OUTLETS=folder / "outlets")


@pytest.fixture
def folder(crawled: Crawl, tmp_path: Path) -> Path:
    """Where things are typed: the folder above the archives."""
    shutil.copytree(crawled.folder.parent, tmp_path / "archives")
    (tmp_path / "noted").mkdir()
    (tmp_path / "bin").mkdir()
    for name, text in STAND_INS.items():
        stand_in = tmp_path / "bin" / name
        stand_in.write_text(f"#!/bin/bash\n{text}\n")
        stand_in.chmod(0o755)
    return tmp_path


def typed(folder: Path, block: str, crawled: Crawl, database: str = "") -> None:
    """The lines of a block, one after the other; the first that fails fails the test."""
    text = (
        block.replace("https://example.org/story", crawled.articles[0]["url"])
        .replace("example_presse", OUTLET)
        .replace("/srv/news", str(folder / "archives"))
        .replace("postgresql://user@host/name", f"'{database}'")
        .replace(OPT_PIP, "pip")
    )
    own = {"PATH": f"{folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        env={**environment(), **own, "NOTED": str(folder / "noted")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: " ".join(block.split()[:4]))
def test_it_can_be_typed(block: str, folder: Path, crawled: Crawl) -> None:
    if "postgresql://" not in block:
        typed(folder, block, crawled)
    else:
        with postgres.temporary_cluster() as url:
            typed(folder, block, crawled, url)
    check(folder, block)


def check(folder: Path, block: str) -> None:
    """What the stand-ins were given is what the real programs take."""
    noted = folder / "noted"
    if "systemctl enable" in block:
        verified = subprocess.run(
            ["systemd-analyze", "verify", noted / "newscrawl.service", noted / "newscrawl.timer"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert verified.returncode == 0, verified.stderr
        lines = [line for line in (noted / "crontab").read_text().splitlines() if line[:1].isdigit()]
        assert all(re.match(r"[\d,*/-]+( [\d,*/-]+){4} ", line) for line in lines), lines
        assert "kind: CronJob" in (noted / "cronjob.yaml").read_text()
    if "--erase" in block:
        assert list((folder / "archives" / OUTLET).glob("takedown.aclj"))
    if "pip install" in block and "[" in block:
        extra = re.search(r"newscrawl\[(\w+)\]", block)
        assert extra
        assert f"\n{extra[1]} = [" in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_every_way_of_running_it_is_there() -> None:
    """So that a block whose fence is broken does not go untried."""
    commands = "\n".join(BLOCKS)
    assert len(BLOCKS) >= 6
    for name in ("schedule systemd", "schedule cron", "schedule k8s", "takedown", "state copy", "check"):
        assert f"newscrawl {name}" in commands
