"""What capture adds to the CPU of a crawl whose bodies are so large that they wait in a file."""

from __future__ import annotations

import gzip
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from threading import Thread

from line import HERE, crawl_ms

from newscrawl.warc.records import SPOOL_BYTES

BODIES, BODY_BYTES = 20, 8 << 20
VARIANTS = ("bare", "capture")
KINDS = ("encoded", "plain")
"Bodies with a content coding and media are both stored as they are; only their headers tell which they are."


@contextmanager
def bodies_served() -> Iterator[str]:
    """A server whose every path has a body of its own that no packing makes smaller."""
    body = random.Random(0).randbytes(BODY_BYTES)
    packed = gzip.compress(body, 1)
    assert len(body) > SPOOL_BYTES

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/robots.txt":
                # Parsing megabytes of rubbish as rules would hide what is measured.
                self.send_error(404)
                return
            # Another name in the gzip head, or other first bytes, and the payload is not one seen before.
            name = self.path.encode("ascii")
            encoded = self.path.startswith("/encoded")
            content = (
                packed[:3] + b"\x08" + packed[4:10] + name + b"\0" + packed[10:] if encoded else name + body
            )
            self.send_response(200)
            self.send_header("Content-Type", "video/mp4")
            self.send_header("Content-Length", str(len(content)))
            if encoded:
                self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def large_bodies(rounds: int) -> dict[str, float]:
    """CPU milliseconds a body with and without capture, and the ratio, by kind of body."""
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as scratch, bodies_served() as base:
        for kind in KINDS:
            listed = Path(scratch) / f"{kind}.txt"
            listed.write_text("\n".join(f"{base}/{kind}/{n}" for n in range(BODIES)), encoding="utf-8")
            measured = [
                {
                    name: crawl_ms([sys.executable, str(HERE / "spiders.py"), name, str(listed)])
                    for name in VARIANTS
                }
                for _ in range(rounds)
            ]
            for name in VARIANTS:
                found[f"{kind}_{name}_ms"] = round(median(one[name] for one in measured), 1)
            # Round by round, because machines drift.
            found[f"{kind}_ratio"] = round(median(one["capture"] / one["bare"] for one in measured), 2)
    return found
