"""A recorded run, replayed with all servers stopped: the same lines to the byte, and no socket opened."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from wire.crawl import Crawl, crawl, crawl_urls, scrapy_crawl
from wire.server import ANSWERS, Answer, WireServer, page, serving

from newscrawl.demo.catalogue import demo_sites, write_outlets
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.warc.filenames import WarcNameTemplate
from newscrawl.warc.reader import iter_records
from newscrawl.warc.records import HttpExchange
from newscrawl.warc.writer import WarcWriter

pytestmark = [pytest.mark.crawl, pytest.mark.slow]

NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
OUTLETS = ("kamer_echo", "deccan_wire", "val_sambre", "fundy_courier")
HOSTILE = {"RETRY_TIMES": 1, "DOWNLOAD_TIMEOUT": 2, "DOWNLOAD_MAXSIZE": 50_000, "REDIRECT_MAX_TIMES": 3}
PAGES = [path for path in ANSWERS if path != "/robots.txt"]
GUARD = """
import socket

def refused(self, address, *rest):
    if self.family in (socket.AF_INET, socket.AF_INET6):
        raise AssertionError(f"a socket was opened to {address}")
    return connect(self, address, *rest)

connect = socket.socket.connect
socket.socket.connect = socket.socket.connect_ex = refused
socket.getaddrinfo = socket.gethostbyname = lambda *_, **__: refused(socket.socket(), "a resolver")
"""
TEXT = "".join(
    f"<p>Sentence number {n} of the story tells what was seen in the valley.</p>" for n in range(12)
)
STORY = f"<html><head><title>A story of %s</title></head><body><h1>A story of %s</h1>{TEXT}"
STORY += "<p>It was told of %s by those who had been there, and by nobody else.</p></body></html>"


def story(name: str) -> bytes:
    return page((STORY % (name, name, name)).encode())


def bytes_of(done: Crawl, suffix: str) -> bytes:
    """The newest run's lines as they are on disk."""
    path = done.folder / f"{done.report['run']}{suffix}"
    # A live run without articles leaves no file of them.
    return path.read_bytes() if path.exists() or done.report["articles"] else b""


def both(done: Crawl) -> tuple[bytes, bytes]:
    return bytes_of(done, ".jsonl"), bytes_of(done, ".rejected.jsonl")


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PYTHONPATH: processes that find it cannot open a connection."""
    folder = tmp_path_factory.mktemp("guard")
    (folder / "sitecustomize.py").write_text(GUARD)
    return folder


def guarded(guard: Path, spider: str, *args: str, archives: Path, seed: int = 0, **settings: object) -> Crawl:
    variables = {"PYTHONPATH": str(guard), "PYTHONHASHSEED": str(seed)}
    return scrapy_crawl(spider, *args, archives=archives, variables=variables, **settings)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> tuple[Crawl, Path, str]:
    """A crawl of every hostile endpoint, retries and a dead port included; its server is stopped."""
    archives = tmp_path_factory.mktemp("hostile")
    with serving(WireServer()) as server:
        base = f"http://127.0.0.1:{server.port}"
        done = crawl_urls(
            [base + path for path in PAGES] + ["http://127.0.0.1:9/refused"], archives, **HOSTILE
        )
    assert done.code == 0, done.output
    return done, archives / "urls.txt", base


def sent_again(done: Crawl) -> int:
    """Attempts after which Twisted silently sent the request once more."""
    notes = []
    for path in done.warcs:
        with path.open("rb") as stream:
            notes += [record.block for record in iter_records(stream) if record.kind == "metadata"]
    return sum(b"outcome: sent again" in block for block in notes)


def test_hostile_answers_replay_to_the_same_lines(
    hostile: tuple[Crawl, Path, str], guard: Path, tmp_path: Path
) -> None:
    live, listed, _ = hostile
    options = {**HOSTILE, "DOWNLOAD_TIMEOUT": 600, "NEWSCRAWL_REPLAY": live.folder}
    done = guarded(guard, "urls", "-a", f"file={listed}", archives=tmp_path, **options)
    assert done.code == 0, done.output
    assert both(done) == both(live)
    assert {line["reason"] for line in live.rejected} >= {
        "timeout",
        "too_large",
        "cut_short",
        "connection_failed",
        "connection_refused",
        "too_many_redirects",
        "http_404",
    }
    told, again = live.report, done.report
    assert again["replay_of"] == told["run"]
    assert told["replay_of"] is None
    assert again["statuses"] == told["statuses"]
    # A kept-alive connection that the server has closed makes Twisted send again by itself, now and then.
    assert again["requests"] == told["requests"] - sent_again(live)
    assert again["settings_hash"] != told["settings_hash"], "another DOWNLOAD_TIMEOUT was given"
    assert again["warcs"] == []
    assert not done.warcs


def test_the_guard_guards(guard: Path, tmp_path: Path) -> None:
    with serving(WireServer()) as server:
        url = f"http://127.0.0.1:{server.port}/plain"
        done = guarded(guard, "urls", "-a", f"url={url}", archives=tmp_path)
        assert not server.log
    assert done.code == 1
    assert [line["reason"] for line in done.rejected] == ["no_such_host"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Crawl], Path]:
    """The four demo outlets, crawled; their newsroom is closed."""
    folder, archives = tmp_path_factory.mktemp("outlets"), tmp_path_factory.mktemp("archives")
    with serve_in_thread(Newsroom(demo_sites())) as served:
        write_outlets(served.bases, folder)
        done = {name: crawl(name, archives=archives, NEWSCRAWL_OUTLETS=folder) for name in OUTLETS}
    assert [one.code for one in done.values()] == [0] * len(OUTLETS)
    return done, folder


# Each outlet with each seed of hashes and number of requests at a time; the diagonal goes into every run.
CASES = [
    pytest.param(outlet, way, marks=[pytest.mark.proof] if (row + column) % 3 else [], id=f"{outlet}-{way}")
    for row, outlet in enumerate(OUTLETS)
    for column, way in enumerate([(1, 1), (2, 16), (3, 8)])
]


@pytest.mark.parametrize(("outlet", "way"), CASES)
def test_a_demo_outlet_replays_to_the_same_lines(
    demo: tuple[dict[str, Crawl], Path], guard: Path, tmp_path: Path, outlet: str, way: tuple[int, int]
) -> None:
    seed, concurrency = way
    live = demo[0][outlet]
    done = guarded(
        guard,
        outlet,
        archives=tmp_path,
        seed=seed,
        NEWSCRAWL_OUTLETS=demo[1],
        NEWSCRAWL_REPLAY=live.folder.parent,
        CONCURRENT_REQUESTS=concurrency,
        CONCURRENT_REQUESTS_PER_DOMAIN=concurrency,
        NEWSCRAWL_EXTRACT_PROCESSES=1 if concurrency == 1 else 2,
    )
    assert done.code == 0, done.output
    assert len(live.articles) >= 15
    assert both(done) == both(live)
    assert done.report["outlet_hash"] == live.report["outlet_hash"]


def test_a_page_the_archive_lacks_is_an_error_that_names_it_and_its_neighbours(
    hostile: tuple[Crawl, Path, str], guard: Path, tmp_path: Path
) -> None:
    live, _, base = hostile
    listed = tmp_path / "more.txt"
    listed.write_text(f"{base}/plain\n{base}/plane\n")
    done = guarded(
        guard, "urls", "-a", f"file={listed}", archives=tmp_path / "a", NEWSCRAWL_REPLAY=live.warcs[0]
    )
    assert done.code == 1
    assert "1 requests have no answer in the archive" in done.output.splitlines()[-1]
    missed = next(line for line in done.rejected if line["url"].endswith("/plane"))
    assert missed["reason"] == "replay_miss"
    assert missed["warc"] is None
    assert f"not in the archive: GET {base}/plane (near: {base}/plain" in missed["detail"]
    assert done.report["replay_missed"] == 1
    assert [line["url"] for line in done.rejected if line["warc"]] == [f"{base}/plain"]


class Sequence(dict[str, Answer]):
    """Answers that change: of a list of them, each request takes the next."""

    def __getitem__(self, path: str) -> Answer:
        answers = self.several.get(path)
        return answers.pop(0) if answers else super().__getitem__(path)

    several: dict[str, list[Answer]] = {}  # noqa: RUF012 # set on the instance


def test_each_request_gets_the_capture_it_got_before(guard: Path, tmp_path: Path) -> None:
    """A page that fails before it answers, and two pages that lead to one which has changed in between."""
    answers = Sequence(ANSWERS)
    busy = Answer([b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"])
    away = Answer([b"HTTP/1.1 302 Found\r\nLocation: /target\r\nContent-Length: 0\r\n\r\n"])
    answers |= {"/one": away, "/two": away}
    answers.several = {
        "/flaky": [busy, Answer([story("a flaky server")])],
        "/target": [Answer([story("the morning")]), Answer([story("the evening")])],
    }
    with serving(WireServer(answers)) as server:
        urls = [f"http://127.0.0.1:{server.port}{path}" for path in ("/flaky", "/one", "/two")]
        live = crawl_urls(urls, tmp_path / "live", CONCURRENT_REQUESTS=1)
    assert sorted(line["title"] for line in live.articles) == [
        "A story of a flaky server",
        "A story of the evening",
        "A story of the morning",
    ]
    # Asked for in the opposite order, which page led to which capture is still as it was.
    listed = tmp_path / "turned.txt"
    listed.write_text("\n".join(reversed(urls)))
    done = guarded(
        guard, "urls", "-a", f"file={listed}", archives=tmp_path / "again", NEWSCRAWL_REPLAY=live.folder
    )
    assert done.code == 0, done.output
    assert both(done) == both(live)


def test_a_run_or_a_time_can_be_chosen(tmp_path: Path) -> None:
    runs = []
    answers = dict(ANSWERS)
    with serving(WireServer(answers)) as server:
        url = f"http://127.0.0.1:{server.port}/story"
        for name in ("the first day", "the second day"):
            answers["/story"] = Answer([story(name)])
            runs.append(crawl("urls", "-a", f"url={url}", archives=tmp_path / "live").report)
    folder = tmp_path / "live" / "urls"

    def title(name: str, **settings: object) -> str:
        options = {"NEWSCRAWL_REPLAY": folder, **settings}
        done = crawl("urls", "-a", f"url={url}", archives=tmp_path / name, **options)
        assert done.code == 0, done.output
        return done.articles[0]["title"]

    assert title("newest") == "A story of the second day"
    assert title("named", NEWSCRAWL_REPLAY_RUN=runs[0]["run"]) == "A story of the first day"
    assert title("at", NEWSCRAWL_REPLAY_AT=runs[0]["finished"]) == "A story of the first day"
    assert title("later", NEWSCRAWL_REPLAY_AT="2999-01-01T00:00:00Z") == "A story of the second day"
    early = crawl(
        "urls",
        "-a",
        f"url={url}",
        archives=tmp_path / "early",
        NEWSCRAWL_REPLAY=folder,
        NEWSCRAWL_REPLAY_AT="2001-01-01T00:00:00Z",
    )
    assert early.code == 1
    assert early.rejected[0]["reason"] == "replay_miss"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"NEWSCRAWL_REPLAY": "/no/such/folder"}, "cannot replay /no/such/folder"),
        ({"NEWSCRAWL_REPLAY": "{tmp}"}, "no WARC file to replay at "),
        (
            {"NEWSCRAWL_REPLAY": "{live}", "NEWSCRAWL_REPLAY_RUN": "urls-1-2"},
            "run 'urls-1-2' is not recorded",
        ),
        ({"NEWSCRAWL_REPLAY": "{live}", "NEWSCRAWL_REPLAY_AT": "noon"}, "'noon' is not a time with a zone"),
    ],
)
def test_what_cannot_be_replayed_is_said_in_one_line(
    hostile: tuple[Crawl, Path, str], tmp_path: Path, settings: dict[str, str], says: str
) -> None:
    places = {"{tmp}": str(tmp_path), "{live}": str(hostile[0].folder)}
    options = {name: places.get(value, value) for name, value in settings.items()}
    done = crawl("urls", "-a", "url=http://127.0.0.1:9/", archives=tmp_path / "archives", **options)
    assert done.code == 2
    assert says in done.output.splitlines()[-1]
    assert "Traceback" not in done.output
    assert not (tmp_path / "archives").exists()


def test_no_contact_is_needed_to_replay(
    guard: Path, tmp_path: Path, hostile: tuple[Crawl, Path, str]
) -> None:
    url = "https://example.org/never-crawled"
    done = guarded(guard, "urls", "-a", f"url={url}", archives=tmp_path, NEWSCRAWL_REPLAY=hostile[0].folder)
    assert done.code == 1
    assert [line["reason"] for line in done.rejected] == ["replay_miss"]


def test_lines_name_the_file_and_place_of_the_recorded_run(
    demo: tuple[dict[str, Crawl], Path], guard: Path, tmp_path: Path
) -> None:
    live = demo[0]["val_sambre"]
    done = guarded(
        guard, "val_sambre", archives=tmp_path, NEWSCRAWL_OUTLETS=demo[1], NEWSCRAWL_REPLAY=live.folder
    )
    names = {path.name for path in live.warcs}
    assert {json.loads(line)["warc"]["file"] for line in bytes_of(done, ".jsonl").splitlines()} == names


def an_archive_of(folder: Path, pages: dict[str, bytes]) -> None:
    """A recorded run of these URLs, made without a crawl."""
    numbers = count(1)
    writer = WarcWriter(
        folder=folder,
        names=WarcNameTemplate(prefix="urls", host="host", pid=1),
        info=(("run", "urls-20260101000000000-1"),),
        now=lambda: NEW_YEAR,
        new_id=lambda: f"<urn:uuid:{next(numbers):032x}>",
    )
    writer.open()
    for url, received in pages.items():
        sent = b"GET /%s HTTP/1.1\r\n\r\n" % url.split("/", 3)[3].encode()
        writer.write(HttpExchange(url=url, started=NEW_YEAR, sent=sent, received=received))
    writer.close()


@pytest.mark.parametrize("proxy", ["", "http://proxy.example:3128"])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_encrypted_and_proxied_sites_replay_without_a_connection(
    guard: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scheme: str, proxy: str
) -> None:
    base = f"{scheme}://example.org"
    an_archive_of(
        tmp_path / "recorded",
        {f"{base}/robots.txt": page(b"User-agent: *\nDisallow: /no"), f"{base}/story": story("the far side")},
    )
    if proxy:
        monkeypatch.setenv(f"{scheme}_proxy", proxy)
    listed = tmp_path / "listed.txt"
    listed.write_text(f"{base}/story\n{base}/no/story\n")
    done = guarded(
        guard, "urls", "-a", f"file={listed}", archives=tmp_path, NEWSCRAWL_REPLAY=tmp_path / "recorded"
    )
    assert done.code == 0, done.output
    assert [(line["title"], line["fetched"]) for line in done.articles] == [
        ("A story of the far side", "2026-01-01T00:00:00.000000Z")
    ]
    assert [line["reason"] for line in done.rejected] == ["robots_txt"]
