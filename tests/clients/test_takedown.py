"""pywb shows nobody what was taken down, by the list that lies beside the archive."""

from __future__ import annotations

import http.client
import shutil
import subprocess
from pathlib import Path

import pytest
from wire.archived import answer, archived_run, story
from wire.crawl import environment
from wire.programs import program

from newscrawl.archive.takedown import BLOCK_LIST, block_replay

GONE, STAYS = "http://www.example.org/gone?id=7", "http://www.example.org/gone?id=71"
SERVER = """
from gevent import monkey
monkey.patch_all()
from gevent.pywsgi import WSGIServer
from pywb.apps.frontendapp import FrontEndApp

server = WSGIServer(("127.0.0.1", 0), FrontEndApp(), log=None, error_log=None)
server.start()
print(server.server_port, flush=True)
server.serve_forever()
"""


def shown(port: int, url: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", f"/news/2026id_/{url}")
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.crawl
def test_what_was_taken_down_is_not_shown(tmp_path: Path) -> None:
    pages = {url: answer(story(url[-2:])) for url in (GONE, STAYS)}
    run = archived_run(tmp_path / "a", "example", pages)
    folder = tmp_path / "pywb"
    folder.mkdir()
    (folder / "config.yaml").write_text("debug: false\n")
    quiet = {**environment(), "PYTHONWARNINGS": "ignore"}
    for args in (["init", "news"], ["add", "news", *(str(p) for p in run.folder.glob("*.warc.gz"))]):
        subprocess.run([program("wb-manager"), *args], cwd=folder, env=quiet, capture_output=True, check=True)
    block_replay(run.folder, [GONE])
    (folder / "collections/news/acl").mkdir(exist_ok=True)
    shutil.copy(run.folder / BLOCK_LIST, folder / "collections/news/acl" / BLOCK_LIST)
    python = program("wayback").with_name("python")
    with subprocess.Popen(
        [python, "-c", SERVER],
        cwd=folder,
        env=quiet,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout
            port = int(process.stdout.readline())
            assert shown(port, GONE) == 451
            assert shown(port, STAYS) == 200
        finally:
            process.kill()
