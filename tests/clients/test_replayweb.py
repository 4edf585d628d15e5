"""replayweb.page, in a headless Chromium, opens our WACZ and shows the article."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest
from wire.archived import answer, archived_run, story
from wire.crawl import environment
from wire.programs import npm_package, program

from newscrawl.archive.finished_runs import latest_end, read_run_articles
from newscrawl.archive.wacz import write_wacz

pytestmark = pytest.mark.slow

SHOWN_SECONDS = 90
STORY = "http://example.org/harbour/pier?id=7"
# The viewer opens its frame once its service worker is registered, be it active or not; on a busy machine
# the frame then gets what the server has at that path. So the page waits for the worker first.
VIEWER = """<!DOCTYPE html><html><body><script src="/replay/ui.js"></script>
<template>
<replay-web-page source="/x.wacz" url="%s" replayBase="/replay/" style="height: 600px"></replay-web-page>
</template>
<script>
function begin() { document.body.append(document.querySelector("template").content); }
navigator.serviceWorker.register("/replay/sw.js?serveIndex=1", {scope: "/replay/"}).then((registration) => {
  const worker = registration.active || registration.waiting || registration.installing;
  if (worker.state === "activated") begin();
  else worker.addEventListener("statechange", () => { if (worker.state === "activated") begin(); });
});
// All that a reader sees, also within frames and shadows.
function words(node) {
  let said = node.nodeType === 3 ? node.data : "";
  const inner = [...(node.childNodes || [])];
  if (node.shadowRoot) inner.push(node.shadowRoot);
  if (node.nodeName === "IFRAME") {
    try { if (node.contentDocument) inner.push(node.contentDocument); } catch (error) { said += error; }
  }
  if (["SCRIPT", "STYLE"].includes(node.nodeName)) return "";
  return said + " " + inner.map(words).join(" ");
}
setInterval(() => {
  const viewer = document.querySelector("replay-web-page");
  if (viewer) fetch("/shown", {method: "POST", body: JSON.stringify({text: words(viewer)})});
}, 300);
</script></body></html>"""


class Desk(ThreadingHTTPServer):
    """Serves the viewer and the package, and hears what the viewer shows."""

    def __init__(self, folder: Path, awaited: str) -> None:
        super().__init__(("127.0.0.1", 0), partial(Asked, directory=str(folder)))
        self.awaited = awaited
        self.last = ""
        self.shown = threading.Event()


class Asked(SimpleHTTPRequestHandler):
    """Files, in ranges where they are asked for, and the viewer's word."""

    server: Desk

    def do_POST(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.last = said["text"]
        if self.server.awaited in self.server.last:
            self.server.shown.set()
        self.send_response(204)
        self.end_headers()

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        path = Path(self.translate_path(self.path))
        if not wanted.startswith("bytes=") or not path.is_file():
            super().do_GET()
            return
        content = path.read_bytes()
        first, _, last = wanted.removeprefix("bytes=").partition("-")
        start = int(first) if first else max(0, len(content) - int(last))
        end = min(int(last), len(content) - 1) if first and last else len(content) - 1
        self.send_response(206)
        self.send_header("Content-Range", f"bytes {start}-{end}/{len(content)}")
        self.send_header("Content-Length", str(end + 1 - start))
        self.end_headers()
        self.wfile.write(content[start : end + 1])

    def log_message(self, *_: object) -> None:
        """Nothing: what went wrong is told by the test."""


@contextmanager
def serving(folder: Path, awaited: str) -> Iterator[Desk]:
    with Desk(folder, awaited) as desk:
        thread = threading.Thread(target=desk.serve_forever, daemon=True)
        thread.start()
        try:
            yield desk
        finally:
            desk.shutdown()
            thread.join()


@contextmanager
def browsing(url: str, profile: Path) -> Iterator[None]:
    command = [
        program("chromium"),
        "--headless",
        # Without its sandbox, so that it also runs in a container; it meets nothing but our own pages.
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-proxy-server",
        "--no-first-run",
        "--disable-background-networking",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
        "--remote-debugging-port=0",
        f"--user-data-dir={profile}",
        url,
    ]
    env = {**environment(), "HOME": str(profile)}
    with subprocess.Popen(
        command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            yield
        finally:
            process.terminate()


def test_the_article_is_shown(tmp_path: Path) -> None:
    package, site = npm_package("replaywebpage"), tmp_path / "site"
    run = archived_run(tmp_path / "archives", "echo", {STORY: answer(story("harbour pier"))})
    write_wacz(site / "x.wacz", run.warcs, read_run_articles([run]), title="Echo", made=latest_end([run]))
    (site / "replay").mkdir()
    for name in ("ui.js", "sw.js"):
        (site / "replay" / name).symlink_to(package / name)
    (site / "index.html").write_text(VIEWER % quote(STORY, safe=":/?="))
    with serving(site, "fishermen, shopkeepers and two engineers") as desk:
        profile = tmp_path / "profile"
        with browsing(f"http://127.0.0.1:{desk.server_port}/index.html", profile):
            assert desk.shown.wait(SHOWN_SECONDS), desk.last[-2000:]
