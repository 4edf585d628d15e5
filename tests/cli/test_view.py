"""`newscrawl view` as a process: it says where it is, answers, and ends in order."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest
from lines_made import article, write_run
from typer.testing import CliRunner
from wire.archived import answer, archived_run, story
from wire.crawl import environment

from newscrawl.archive.pages import read_any_page
from newscrawl.cli import app
from newscrawl.cli.view import Explainer, LazyState
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.items import WarcPointer
from newscrawl.state.database import STATE_FILE, Database, database_url
from newscrawl.view.server import is_loopback
from newscrawl.view.stories import list_paragraphs

COMMAND = str(Path(sys.executable).with_name("newscrawl"))
ANY_PORTS = ("--port", "0", "--originals-port", "0")


def test_it_serves_until_a_signal(tmp_path: Path) -> None:
    write_run(tmp_path, [article(1, "un pont")])
    command = [COMMAND, "view", "--archives", str(tmp_path), *ANY_PORTS]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as process:
        assert process.stdout
        assert process.stderr
        base = process.stdout.readline().strip()
        assert base.startswith("http://127.0.0.1:")
        with urlopen(f"{base}api/openapi.json") as found:
            assert json.load(found)["openapi"] == "3.1.0"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stderr.read() == ""
    assert not (tmp_path / STATE_FILE).exists(), "looking creates no state"


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = CliRunner().invoke(app, ["view", "--archives", str(tmp_path), "--port", str(port)])
    assert isinstance(done.exception, NewscrawlError)
    assert f"cannot listen on 127.0.0.1, port {port}" in str(done.exception)


def test_another_address_is_warned_of(tmp_path: Path) -> None:
    # An address that this machine does not have: documentation (RFC 5737).
    done = CliRunner().invoke(app, ["view", "--archives", str(tmp_path), "--host", "192.0.2.7", *ANY_PORTS])
    assert "there is no login" in done.stderr
    assert "cannot listen on 192.0.2.7" in str(done.exception)


def test_missing_archives_are_named(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["view", "--archives", str(tmp_path / "nowhere"), *ANY_PORTS])
    assert "no such folder" in str(done.exception)


@pytest.mark.parametrize(
    ("host", "is_own"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("0.0.0.0", False),
     ("127.evil.example", False), ("192.168.0.1", False)],
)  # fmt: skip
def test_loopback(host: str, is_own: bool) -> None:
    assert is_loopback(host) == is_own


def test_a_page_is_explained_in_another_process(tmp_path: Path) -> None:
    url = "http://example.org/pier"
    run = archived_run(tmp_path, "echo", {url: answer(story("pier"))})
    line = json.loads(run.lines.read_bytes())
    pointer = WarcPointer.model_validate(line["warc"])
    explainer = Explainer()
    try:
        found = explainer.explain(run.folder, pointer)
        assert found["outcome"] == "article"
        kept = [block["kept_text"] for block in found["blocks"] if block["kept_text"]]
        assert kept == list_paragraphs({"text": line["text"]})
        with pytest.raises(ArchiveError, match="no record"):
            explainer.explain(run.folder, pointer.model_copy(update={"record_id": "<urn:uuid:0>"}))
    finally:
        explainer.close()
    assert read_any_page(run.folder, pointer).response.url == url


def test_state_is_opened_once_it_exists(tmp_path: Path) -> None:
    state = LazyState(tmp_path, "")
    assert state.open() is None
    Database.open(database_url("", tmp_path)).close()
    found = state.open()
    assert found is not None
    assert state.open() is found
    state.close()
