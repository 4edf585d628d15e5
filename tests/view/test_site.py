"""The pages and the API over real sockets: what they show, what they refuse, and that nothing breaks out."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from lines_made import article, write_run
from lxml import html as lxml_html
from prometheus_client.parser import text_string_to_metric_families
from wire.archived import answer, archived_run, story
from wire.viewer import Viewer, serving_view

from newscrawl.archive.lines import iter_lines
from newscrawl.dedup.articles import document_columns
from newscrawl.dedup.documents import make_document
from newscrawl.items import Article, Block
from newscrawl.state.database import Database, database_url
from newscrawl.state.documents import DocumentTable
from newscrawl.state.runs import Holder, State
from newscrawl.view.openapi import build_openapi
from newscrawl.warc.reader import iter_records

NOW = 1_772_500_000.0
"The third of March 2026."
PIER, GULL = "http://example.org/harbour/pier?id=7", "http://example.org/gull"
HOSTILE = "</title><script>alert(1)</script><img src=x onerror=alert(2)> \u202edesrever\u2066 \x9b31m & \"'"
FETCHED = "2026-03-02T00:00:00.000000Z"


def hostile_article() -> Article:
    return article(
        1,
        f"{HOSTILE} javascript:alert(3)",
        id="f" * 32,
        title=HOSTILE,
        lede=HOSTILE,
        url="javascript:alert(4)",
        url_norm="javascript:alert(4)",
        url_canonical="data:text/html,<script>alert(5)</script>",
        section=f"{HOSTILE[:60]}",
        blocks=[Block(kind="p", text=HOSTILE, lang='"><script>alert(6)</script>')],
        fetched=FETCHED,
        published=None,
        warc=None,
    )


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archives")
    pages = {
        PIER: answer(story("pier")).replace(b"kept", b"<script>alert(7)</script>"),
        GULL: answer(
            story("gull")
            .replace(b"<head>", b"<head><link rel=preconnect href=//evil.example>")
            .replace(b"</h1>", b"</h1><IFRAME\tsrc=//evil.example></IFRAME><a href=/x>inert</a>")
        ),
    }
    archived_run(folder, "echo", pages)
    write_run(folder, [hostile_article()], outlet="odd")
    return folder


@pytest.fixture(scope="module")
def viewer(archives: Path) -> Iterator[Viewer]:
    with serving_view(archives, now=lambda: NOW) as serving:
        yield serving


def find_id(viewer: Viewer, words: str) -> str:
    status, _, text = viewer.get(f"/api/search?q={words}")
    assert status == 200
    return str(json.loads(text)["hits"][0]["id"])


def test_search_leads_to_the_article_and_its_original(viewer: Viewer) -> None:
    status, _, text = viewer.get("/?q=pier")
    assert status == 200
    tree = lxml_html.fromstring(text)
    (href,) = tree.xpath("//ol[@class='hits']//h3/a/@href")
    assert tree.xpath("//ol[@class='hits']//mark")
    status, headers, text = viewer.get(href)
    assert status == 200
    (frame,) = lxml_html.fromstring(text).xpath("//iframe")
    assert frame.get("sandbox") == ""
    assert frame.get("src").startswith(viewer.originals)
    assert f"frame-src {viewer.originals}" in headers["content-security-policy"]
    status, headers, original = viewer.get(frame.get("src"))
    assert status == 200
    assert "Repairs to the pier wall" in original
    policy = headers["content-security-policy"]
    assert {"default-src 'none'", "img-src data:", "style-src 'unsafe-inline'", "sandbox"} <= {
        part.strip() for part in policy.split(";")
    }


def test_an_original_opens_no_connection_by_its_links(viewer: Viewer) -> None:
    _, _, original = viewer.get(f"{viewer.originals}/{find_id(viewer, 'gull')}")
    assert "evil.example" in original
    assert not lxml_html.fromstring(original).xpath("//link | //iframe | //a")
    assert "inert</u>" in original


def test_the_record_is_a_warc_file_with_the_whole_exchange(viewer: Viewer, archives: Path) -> None:
    status, headers, data = viewer.get_bytes(f"/articles/{find_id(viewer, 'pier')}/record")
    assert (status, headers["content-type"]) == (200, "application/warc")
    assert headers["content-disposition"].startswith("attachment")
    records = list(iter_records(io.BytesIO(data)))
    assert [record.kind for record in records] == ["response", "request", "metadata"]
    assert data in next((archives / "echo").glob("*.warc.gz")).read_bytes()


def test_the_exchange_is_shown_and_escaped(viewer: Viewer) -> None:
    _, _, text = viewer.get(f"/articles/{find_id(viewer, 'pier')}")
    assert "X-Odd-CASE: &lt;script&gt;alert(7)&lt;/script&gt;" in text
    data = json.loads(viewer.get(f"/api/articles/{find_id(viewer, 'pier')}")[2])
    assert data["exchange"]["response"]["first_line"] == "HTTP/1.1 200 OK"
    assert data["exchange"]["request"]["first_line"] == "GET / HTTP/1.1"
    assert data["article"]["warc"]["record_id"] == data["exchange"]["records"][0]["id"]


@pytest.mark.parametrize(
    "path", ["/", "/?q=alert", f"/articles/{'f' * 32}", f"/diff?old={'f' * 32}&new={'f' * 32}"]
)
def test_nothing_of_a_hostile_article_breaks_out(viewer: Viewer, path: str) -> None:
    status, headers, text = viewer.get(path)
    assert status == 200
    assert not re.findall("[\u202a-\u202e\u2066-\u2069\x80-\x9f]", text)
    tree = lxml_html.fromstring(text)
    assert not tree.xpath("//script | //img | //*[@onerror]")
    links = tree.xpath("//@href | //@src | //@action")
    assert not [link for link in links if not link.startswith(("/", "#", "http://"))]
    assert "script" not in headers["content-security-policy"]
    assert headers["content-security-policy"].startswith("default-src 'none'")


@pytest.mark.parametrize(
    "words",
    [
        '"',
        "'",
        "a OR",
        "NEAR(",
        "a:b",
        "^",
        "*",
        "(",
        "AND",
        "NOT x",
        "-",
        '"" ""',
        "\x00",
        "é" * 600,
        "title:x",
    ],
)
def test_odd_queries_are_answered(viewer: Viewer, words: str) -> None:
    for path in ("/", "/api/search"):
        assert viewer.get(f"{path}?q={quote(words)}&page=x&from=99&to=2026-13-40&order=up")[0] == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("evil.example", 421),
        ("evil.example:80", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost:1", 200),
        ("[::1]:8700", 200),
        ("192.168.0.7", 421),
        ("a b", 421),
    ],
)
def test_only_known_hosts_are_answered(viewer: Viewer, host: str, status: int) -> None:
    assert viewer.get("/", Host=host)[0] == status
    assert viewer.get(f"{viewer.originals}/x", Host=host)[0] == (404 if status == 200 else status)


def test_what_is_not_there_is_said_so(viewer: Viewer) -> None:
    for path in ("/articles/0", "/outlets/nobody", "/outlets/..%2f..", "/nowhere", "/static/x", "/diff"):
        assert viewer.get(path)[0] == 404, path
    status, _, text = viewer.get("/api/articles/0")
    assert (status, json.loads(text)["error"]) == (404, "no article has the id 0")
    assert viewer.get(f"/articles/{'f' * 32}/record")[0] == 404
    assert viewer.get(f"{viewer.originals}/{'f' * 32}")[0] == 404


def test_pages_speak_the_language_that_is_asked_for(viewer: Viewer) -> None:
    def language(path: str, accepted: str) -> str:
        _, headers, text = viewer.get(path, Accept_Language=accepted)
        shown = str(lxml_html.fromstring(text).get("lang"))
        assert headers["content-language"] == shown
        return shown

    assert language("/", "fr-CA,en;q=0.5") == "fr"
    assert language("/", "de, en;q=0.1, fr;q=0.7") == "fr"
    assert language("/", "de") == "en"
    assert language("/?lang=en", "fr") == "en"
    assert language("/?lang=xx", "fr;q=bad, fr;q=0.2") == "fr"
    links = lxml_html.fromstring(viewer.get("/?lang=fr&q=pier")[2]).xpath("//h3/a/@href")
    assert all(link.endswith("lang=fr") for link in links)


def test_outlets_and_their_figures(viewer: Viewer) -> None:
    rows = json.loads(viewer.get("/api/outlets")[2])["outlets"]
    assert [(row["outlet"], row["articles"], row["status"]) for row in rows] == [
        ("echo", 2, None),
        ("odd", 1, None),
    ]
    data = json.loads(viewer.get("/api/outlets/echo")[2])
    assert [run["articles"] for run in data["runs"]] == [2]
    assert sum(day["articles"] for day in data["days"]) == 2
    status, _, text = viewer.get("/outlets/echo")
    assert status == 200
    plots = lxml_html.fromstring(text).xpath("//*[local-name()='svg']")
    assert plots
    assert all(plot.xpath(".//*[local-name()='text']") for plot in plots)


def test_a_running_crawl_is_shown(tmp_path: Path) -> None:
    run = archived_run(tmp_path, "echo", {PIER: answer(story("pier"))})
    open_file = run.folder / "echo-20260302120000000-1.jsonl.open"
    open_file.write_bytes(run.lines.read_bytes() + b'{"half')
    open_file.with_name("echo-20260302120000000-1.rejected.jsonl.open").write_text(
        '{"reason": "too_short"}\n'
    )
    with closing(Database.open(database_url("", tmp_path))) as database:
        holder = Holder(host="testhost", pid=1)
        State.on(database, "echo", holder).lease.acquire(int(NOW), lambda *_: False)
        with serving_view(tmp_path, database=database, now=lambda: NOW) as viewer:
            (crawl,) = json.loads(viewer.get("/api/crawls")[2])["crawls"]
            assert (crawl["holder"], crawl["outcomes"]) == ("testhost:1", {"article": 1, "too_short": 1})
            assert (
                viewer.get("/crawls")[0] == viewer.get("/outlets/echo")[0] == viewer.get("/outlets")[0] == 200
            )
            assert 'http-equiv="refresh"' not in viewer.get("/crawls")[2]
            assert 'http-equiv="refresh"' in viewer.get("/crawls?refresh=1")[2]
            assert 'newscrawl_crawl_running{outlet="echo"} 1.0' in viewer.get("/metrics")[2]


def test_versions_and_what_changed_between_them(tmp_path: Path) -> None:
    first = article(1, "Le pont est fermé.\n\nFin.", id="a" * 32, fetched=FETCHED, title="Le pont")
    update = {
        "id": "b" * 32,
        "text": "Le pont est rouvert.\n\nFin.",
        "version": 2,
        "fetched": "2026-03-03T00:00:00Z",
    }
    write_run(tmp_path, [first], pid=1)
    write_run(tmp_path, [first.model_copy(update=update)], pid=2)
    with serving_view(tmp_path) as viewer:
        tree = lxml_html.fromstring(viewer.get(f"/articles/{'b' * 32}")[2])
        (href,) = tree.xpath("//section[@id='versions']//a[contains(@href, '/diff')]/@href")
        tree = lxml_html.fromstring(viewer.get(href)[2])
        changed = [tree.xpath(f"//div[@class='diff']//{name}/text()") for name in ("del", "ins")]
        assert changed == [["fermé."], ["rouvert."]]
        data = json.loads(viewer.get(f"/api{href}")[2])
        assert [{"kind": "same", "text": "Fin."}] in data["paragraphs"]


def test_copies_name_who_carried_the_story_first(tmp_path: Path) -> None:
    runs = [
        archived_run(tmp_path, outlet, {f"http://{outlet}.example/pier": answer(story("pier"))}, pid=pid)
        for pid, outlet in enumerate(("echo", "wave"), 1)
    ]
    articles = [
        Article.model_validate_json(line.raw).model_copy(update={"source": run.folder.name})
        for run in runs
        for line in iter_lines(run.lines)
    ]
    with closing(Database.open(database_url("", tmp_path))) as database:
        with DocumentTable(database).writing() as session:
            for number, each in enumerate(articles):
                document = make_document(each)
                assert document
                values = document_columns(document) | {
                    "first_article_id": each.id,
                    "cluster": articles[0].id,
                    "duplicate_of": articles[0].id if number else None,
                }
                session.store([values])
        with serving_view(tmp_path, database=database) as viewer:
            data = json.loads(viewer.get(f"/api/articles/{articles[1].id}")[2])
    shown = [(copy["outlet"], copy["is_first"], copy["is_this"]) for copy in data["copies"]]
    assert shown == [("echo", True, False), ("wave", False, True)]


def test_the_api_describes_itself(viewer: Viewer) -> None:
    document = json.loads(viewer.get("/api/openapi.json")[2])
    assert document == build_openapi(document["info"]["version"])
    article_id = find_id(viewer, "pier")
    for path, methods in document["paths"].items():
        answered = path.format(id=article_id, name="echo")
        if path == "/api/diff":
            answered += f"?old={article_id}&new={article_id}"
        status, headers, _ = viewer.get_bytes(answered)
        (media_type,) = methods["get"]["responses"]["200"]["content"]
        assert (status, headers["content-type"].partition(";")[0]) == (200, media_type), path
        assert path in viewer.get("/api")[2]


def test_metrics_of_runs_and_of_the_viewer_together(tmp_path: Path) -> None:
    archived_run(tmp_path, "echo", {PIER: answer(story("pier"))})
    folder = tmp_path / "metrics"
    folder.mkdir()
    for outlet in ("echo", "wave"):
        name = "newscrawl_run_seconds"
        text = f'# HELP {name} s\n# TYPE {name} gauge\n{name}{{outlet="{outlet}"}} 7\n'
        (folder / f"{outlet}.prom").write_text(text)
    (folder / "broken.prom").write_text("{ no metrics")
    with serving_view(tmp_path) as viewer:
        text = viewer.get("/metrics")[2]
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert [sample.labels["outlet"] for sample in families["newscrawl_run_seconds"].samples] == [
        "echo",
        "wave",
    ]
    assert families["newscrawl_view_articles"].samples[0].value == 1


def test_only_reading_is_answered(viewer: Viewer) -> None:
    import http.client

    connection = http.client.HTTPConnection(viewer.base.removeprefix("http://"), timeout=20)
    connection.request("POST", "/", "q=x")
    assert connection.getresponse().status == 405
    connection.close()
