"""`newscrawl outlets`: lists, checks and drafts, with outcomes a script can use."""

from __future__ import annotations

import gzip
import json
import re
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from newscrawl.cli.outlets import app, is_unbounded
from newscrawl.cli.probe import MAX_REDIRECTS, ROBOTS_BYTES, Fetcher, fetch_url
from newscrawl.errors import NewscrawlError
from newscrawl.outlet import read_outlet

GOOD = """
title = "Example [Presse]"
home = "https://example.org/"
country = "CM"
languages = ["fr", "en"]
timezone = "Africa/Douala"
kind = "national"
feeds = ["https://example.org/feed/"]
status = "active"
"""
FEED = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>Demo</title><link>/</link>
<item><title>Market reopens</title><link>/market-reopens/</link></item></channel></rss>"""
EMPTY_FEED = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>Demo</title></channel></rss>"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def fault(result: Result) -> str:
    """The one line a user sees when a command gives up."""
    assert (result.exit_code, result.stdout) == (1, "")
    assert isinstance(result.exception, NewscrawlError)
    return str(result.exception)


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "outlets"
    written(place, "cm/example.toml", GOOD)
    written(place, "rw/autre.toml", GOOD.replace('"CM"', '"RW"').replace('["fr", "en"]', '["en"]'))
    written(
        place,
        "fr/closed.toml",
        GOOD.replace('"CM"', '"FR"')
        .replace('"national"', '"wire"')
        .replace('status = "active"', 'status = "blocked"\nstatus_reason = "It says no."'),
    )
    return place


# --- list -----------------------------------------------------------------------------------------


def test_the_bare_command_lists_every_outlet_as_a_row(folder: Path) -> None:
    result = run("--outlets", folder)
    assert result.exit_code == 0
    rows = [line.split()[0] for line in result.stdout.splitlines()]
    assert rows == ["id", "autre", "closed", "example"]
    assert "Example [Presse]" in result.stdout
    assert "3 of 3 outlets" in result.stderr


@pytest.mark.parametrize(
    ("option", "value", "left"),
    [
        ("--country", "cm", ["example"]),
        ("--language", "FR", ["closed", "example"]),
        ("--kind", "wire", ["closed"]),
        ("--status", "active", ["autre", "example"]),
        ("--country", "MG", []),
    ],
)
def test_filters_leave_what_fits(folder: Path, option: str, value: str, left: list[str]) -> None:
    result = run("--outlets", folder, option, value, "--json")
    assert result.exit_code == 0
    assert [outlet["id"] for outlet in json.loads(result.stdout)] == left


def test_json_holds_every_key(folder: Path) -> None:
    outlet = json.loads(run("--outlets", folder, "--json", "--country", "CM").stdout)[0]
    assert outlet == read_outlet(folder / "cm/example.toml").model_dump(mode="json")


def test_a_kind_nobody_knows_is_a_usage_error(folder: Path) -> None:
    assert run("--outlets", folder, "--kind", "blog").exit_code == 2


def test_broken_files_are_named_and_the_rest_is_listed(folder: Path) -> None:
    broken = written(folder, "cm/broken.toml", GOOD + 'nope = "x"\n')
    double = written(folder, "ga/example.toml", GOOD)
    result = run("--outlets", folder, "--json")
    assert result.exit_code == 1
    assert [outlet["id"] for outlet in json.loads(result.stdout)] == ["autre", "closed", "example"]
    assert f"{broken}: nope: " in result.stderr
    assert f"{double}: file name: " in result.stderr


def test_several_folders_are_one_list(folder: Path, tmp_path: Path) -> None:
    written(tmp_path / "more", "zebre.toml", GOOD)
    result = run("--outlets", folder, "--outlets", tmp_path / "more", "--json")
    assert [outlet["id"] for outlet in json.loads(result.stdout)] == ["autre", "closed", "example", "zebre"]


def test_a_folder_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    assert run("--outlets", tmp_path / "gone").exit_code == 2


# --- check ----------------------------------------------------------------------------------------


def test_sound_files_pass_in_silence(folder: Path) -> None:
    result = run("check", "--outlets", folder)
    assert (result.exit_code, result.stdout) == (0, "")


def test_each_problem_is_a_line_of_file_key_and_message(folder: Path) -> None:
    path = written(folder, "cm/broken.toml", GOOD.replace("Africa/Douala", "Mars/Base") + "nope = 1\n")
    result = run("check", folder)
    assert result.exit_code == 1
    assert [line.split(": ")[:2] for line in result.stdout.splitlines()] == [
        [str(path), "timezone"],
        [str(path), "nope"],
    ]


def test_json_problems_have_the_same_three_parts(folder: Path) -> None:
    path = written(folder, "cm/broken.toml", 'title = "a: b\n')
    result = run("check", "--json", path)
    assert result.exit_code == 1
    [problem] = json.loads(result.stdout)
    assert set(problem) == {"file", "key", "message"}
    assert (problem["file"], problem["key"]) == (str(path), "file")


def test_json_without_problems_is_an_empty_array(folder: Path) -> None:
    assert json.loads(run("check", "--json", folder).stdout) == []


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ('article_urls = ["^https?://example.org/.+"]', "article_urls.0"),
        ('exclude_urls = ["/live/", "/video/.*"]', "exclude_urls.1"),
        ('sections = ["https://example.org/feed/"]', "feeds"),
        ('[[rules]]\nbody = "div..story"', "rules.0.body"),
        ('[[rules]]\nexclude = [".a", ">"]', "rules.0.exclude.1"),
        ('[[rules]]\nbody = ".now"\n[[rules]]\nvalid_until = 2024-01-01', "rules.1"),
        ("[[rules]]\nvalid_until = 2024-01-01\n[[rules]]\nvalid_until = 2023-01-01", "rules.1"),
    ],
)
def test_what_loads_but_cannot_be_meant_is_a_problem(folder: Path, more: str, key: str) -> None:
    path = written(folder, "cm/doubtful.toml", GOOD + more + "\n")
    result = run("check", path)
    assert result.exit_code == 1
    assert [line.split(": ")[:2] for line in result.stdout.splitlines()] == [[str(path), key]]


def test_rules_in_the_order_of_their_days_are_sound(folder: Path) -> None:
    rules = "[[rules]]\nvalid_until = 2023-01-01\n[[rules]]\nvalid_until = 2024-01-01\n"
    rules += "[[rules]]\nbody = 'div[id^=\"a\"]'\n"
    assert run("check", written(folder, "cm/dated.toml", GOOD + rules)).exit_code == 0


def test_a_file_in_another_countrys_folder_is_a_problem(folder: Path) -> None:
    path = written(folder, "ma/strayed.toml", GOOD)
    assert f"{path}: country: " in run("check", path).stdout


@pytest.mark.parametrize(("old", "new"), [('"CM"', '"ZZ"'), ('["fr", "en"]', '["und"]')])
def test_what_a_draft_left_open_is_a_problem(tmp_path: Path, old: str, new: str) -> None:
    path = written(tmp_path / "drafts", "example.toml", GOOD.replace(old, new))
    assert "stands for no" in run("check", path).stdout


@pytest.mark.parametrize(
    ("pattern", "endless"),
    [
        ("a+", True),
        ("a*", True),
        ("(?:ab){2,}", True),
        ("[^/]+", True),
        ("a{1,9}", False),
        (r"a\+b\*", False),
        ("[+*]", False),
        ("[]+*]", False),
        (r"[\]+]", False),
        ("a?", False),
    ],
)
def test_repetition_without_a_bound_is_seen(pattern: str, endless: bool) -> None:
    assert is_unbounded(pattern) is endless


# --- new ------------------------------------------------------------------------------------------


@dataclass
class Site:
    """A web site on loopback: path to status, headers and body; what was asked is kept."""

    pages: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    agents: set[str | None] = field(default_factory=set)
    home: str = ""

    def put(self, path: str, body: bytes, status: int = 200, **headers: str) -> None:
        self.pages[path] = (status, {name.replace("_", "-"): text for name, text in headers.items()}, body)


@contextmanager
def served(site: Site) -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            site.agents.add(self.headers["User-Agent"])
            status, headers, body = site.pages.get(self.path, (404, {}, b"not here"))
            self.send_response(status)
            for name, text in headers.items():
                self.send_header(name, text)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        site.home = f"http://127.0.0.1:{server.server_port}/"
        try:
            yield site
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def site() -> Iterator[Site]:
    with served(Site()) as running:
        running.put("/robots.txt", b"User-agent: *\nDisallow: /secret/\nSitemap: /news-sitemap.xml\n")
        running.put("/news/rss", FEED, Content_Type="application/rss+xml")
        running.put("/empty", EMPTY_FEED)
        running.put("/webpage", b"<html><body>No feed</body></html>")
        running.put("/secret/feed", FEED)
        yield running


def front(*feeds: str) -> bytes:
    links = "".join(f'<link rel="alternate" type="application/rss+xml" href="{url}">' for url in feeds)
    return f'<html lang="fr"><head><title>Demo Presse</title>{links}</head><body></body></html>'.encode()


def draft(site: Site, folder: Path, *more: object) -> Result:
    return run("new", site.home, "--contact", "desk@example.com", "--pause", 0, "--outlets", folder, *more)


def test_a_draft_names_the_feeds_that_work_and_no_other(site: Site, folder: Path) -> None:
    site.put("/", front("/news/rss", "/empty", "/webpage", "/gone", "/secret/feed"))
    result = draft(site, folder)
    assert result.exit_code == 0
    drafted = tomllib.loads(result.stdout)
    assert drafted["home"] == site.home
    assert drafted["feeds"] == [f"{site.home}news/rss"]
    assert drafted["sitemaps"] == [f"{site.home}news-sitemap.xml"]
    assert drafted["languages"] == ["fr"]
    assert drafted["status"] == "unverified"
    for left_out in ("/empty", "/webpage", "/gone", "/secret/feed"):
        assert f"{left_out}: " in result.stderr


def test_robots_txt_is_asked_first_and_obeyed(site: Site, folder: Path) -> None:
    site.put("/", front("/secret/feed", "/news/rss"))
    draft(site, folder)
    assert site.asked[:2] == ["/robots.txt", "/"]
    assert site.asked.count("/robots.txt") == 1
    assert "/secret/feed" not in site.asked
    assert "/news/rss" in site.asked


def test_every_request_says_who_asks_and_how_to_reach_them(site: Site, folder: Path) -> None:
    site.put("/", front("/news/rss"))
    draft(site, folder)
    [agent] = site.agents
    assert agent
    assert agent.startswith("newscrawl/")
    assert agent.endswith(" (+desk@example.com)")


def test_without_a_named_feed_the_usual_places_are_tried_until_one_works(site: Site, folder: Path) -> None:
    site.put("/", front())
    site.put("/feed/", FEED)
    drafted = tomllib.loads(draft(site, folder).stdout)
    assert drafted["feeds"] == [f"{site.home}feed/"]
    assert site.asked == ["/robots.txt", "/", "/feed/", "/market-reopens/"]


TEXT = [
    "The market hall by the river opens again on Saturday, after repairs that took the whole of last year.",
    "Forty stalls are let, the town says, and six are kept for farmers who come with what the week gave.",
    "Those who want a place for a day can ask at the door before eight in the morning and pay in cash.",
]
SHELL = '<html><head><title>Demo</title></head><body><div id="app"></div>{}<script src="/app.js"></script>'


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("".join(f"<p>{text}</p>" for text in TEXT * 2), "61 words"),
        (
            SHELL.format(
                '<script id="__NEXT_DATA__" type="application/json">'
                + json.dumps(
                    {"props": {"story": {"title": "Demo", "body": f"<p>{'</p><p>'.join(TEXT * 2)}</p>"}}}
                )
                + "</script>"
            ),
            "61 words from data of the page's scripts",
        ),
        (SHELL.format(""), "script_only (the text comes by script)"),
    ],
    ids=["page", "state", "script"],
)
def test_a_draft_says_where_a_story_is_and_whether_it_takes_a_browser(
    site: Site, folder: Path, page: str, said: str
) -> None:
    site.put("/", front("/news/rss"))
    site.put("/market-reopens/", f"<h1>Demo</h1>{page}".encode() if page.startswith("<p>") else page.encode())
    result = draft(site, folder)
    kind = "no story" if said.startswith("script_only") else "a story"
    assert f"{kind}: {site.home}market-reopens/" in result.stderr
    assert said in result.stderr
    assert ("# browser = true" in result.stdout) is said.startswith("script_only")
    assert "browser" not in tomllib.loads(result.stdout)


@pytest.mark.parametrize("scheme", ["http://", ""])
def test_any_page_of_the_site_will_do(site: Site, folder: Path, scheme: str) -> None:
    page = "".join(f"<p>{text}</p>" for text in TEXT * 2)
    site.put("/", front("/news/rss"))
    site.put("/market-reopens/", f"<title>Hall opens</title><h1>Hall opens</h1>{page}".encode())
    address = f"{scheme}{site.home.removeprefix('http://')}market-reopens/"
    result = run("new", address, "--contact", "desk@example.com", "--pause", 0, "--outlets", folder)
    drafted = tomllib.loads(result.stdout)
    assert (drafted["home"], drafted["feeds"]) == (site.home, [f"{site.home}news/rss"])
    assert site.asked.count("/market-reopens/") == 1
    assert re.search(r"title +Hall opens\n", result.stderr)
    assert re.search(r"begins +The market hall by the river", result.stderr)


def test_a_home_page_in_a_folder_stays_the_home_page(site: Site, folder: Path) -> None:
    site.put("/fr/", front("/news/rss"))
    result = run("new", f"{site.home}fr/", "--contact", "desk@example.com", "--pause", 0, "--outlets", folder)
    assert tomllib.loads(result.stdout)["home"] == f"{site.home}fr/"


def test_a_feed_is_named_by_where_it_answers(site: Site, folder: Path) -> None:
    site.put("/", front("/old/feed"))
    site.put("/old/feed", b"", 301, Location="/news/rss")
    assert tomllib.loads(draft(site, folder).stdout)["feeds"] == [f"{site.home}news/rss"]


def test_a_compressed_answer_is_read(site: Site, folder: Path) -> None:
    site.put("/", gzip.compress(front("/news/rss")), Content_Encoding="gzip")
    assert tomllib.loads(draft(site, folder).stdout)["title"] == "Demo Presse"


def test_a_site_that_forbids_crawling_is_not_drafted(site: Site, folder: Path) -> None:
    site.put("/robots.txt", b"User-agent: newscrawl\nDisallow: /\n")
    site.put("/", front("/news/rss"))
    result = draft(site, folder)
    assert f"{site.home}: robots.txt forbids it" in fault(result)
    assert site.asked == ["/robots.txt"]


def test_a_robots_txt_out_of_order_forbids_everything(site: Site, folder: Path) -> None:
    site.put("/robots.txt", b"", 503)
    result = draft(site, folder)
    assert "503" in fault(result)
    assert site.asked == ["/robots.txt"]


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_home_page_that_cannot_be_had_is_an_error(site: Site, folder: Path, status: int) -> None:
    site.put("/", b"no", status)
    result = draft(site, folder)
    assert f"{site.home}: answers {status}" in fault(result)


def test_a_redirect_without_end_is_an_error(site: Site, folder: Path) -> None:
    site.put("/", b"", 302, Location="/")
    result = draft(site, folder)
    assert "redirects more than" in fault(result)
    assert site.asked.count("/") == MAX_REDIRECTS + 1


@pytest.mark.parametrize("target", ["file:///etc/hostname", "javascript:alert(1)", "ftp://127.0.0.1/"])
def test_a_redirect_leads_to_http_only(site: Site, folder: Path, target: str) -> None:
    site.put("/", b"", 302, Location=target)
    result = draft(site, folder)
    assert "no http(s) URL" in fault(result)


def test_no_link_leads_into_the_private_network(site: Site, folder: Path) -> None:
    with served(Site()) as inside:
        inside.put("/feed", FEED)
        private = inside.home.replace("127.0.0.1", "127.0.0.2")
        site.put("/", front(f"{private}feed", "/news/rss"))
        result = draft(site, folder)
    assert "not on the public internet" in result.stderr
    assert inside.asked == []
    assert tomllib.loads(result.stdout)["feeds"] == [f"{site.home}news/rss"]


def test_a_long_answer_is_cut(site: Site) -> None:
    site.put("/long", b"a" * 300_000)
    assert fetch_url(f"{site.home}long", "test", 200_000) == (200, None, b"a" * 200_000)


def test_a_bomb_is_cut(site: Site) -> None:
    site.put("/bomb", gzip.compress(bytes(50_000_000)), Content_Encoding="gzip")
    status, _, body = fetch_url(f"{site.home}bomb", "test", 200_000)
    assert (status, len(body)) == (200, 200_000)


def test_a_wish_for_slowness_is_heard_within_reason(site: Site) -> None:
    site.put("/robots.txt", b"User-agent: *\nCrawl-delay: 900\n" + b"#" * ROBOTS_BYTES)
    fetcher = Fetcher(agent="test", host="127.0.0.1", pause=0.0, log=lambda _: None)
    fetcher.robots_txt(site.home)
    assert fetcher.pause == 30.0


def test_a_server_that_is_not_there_is_an_error(folder: Path) -> None:
    with served(Site()) as gone:
        pass
    result = draft(gone, folder)
    assert gone.home in fault(result)


@pytest.mark.parametrize("url", ["file:///etc/hostname", "http://[::1/"])
def test_what_is_no_url_is_an_error(folder: Path, url: str) -> None:
    result = run("new", url, "--contact", "desk@example.com", "--outlets", folder)
    assert f"{url}: not an http(s) URL" in fault(result)


@pytest.mark.parametrize("contact", ["", " ", "a\r\nX-Other: b", "équipe@example.com", "a" * 201])
def test_without_a_usable_contact_nothing_is_fetched(site: Site, folder: Path, contact: str) -> None:
    result = run("new", site.home, "--contact", contact, "--outlets", folder)
    assert "contact" in fault(result)
    assert site.asked == []


def test_a_draft_is_written_and_what_is_left_to_do_is_told(site: Site, folder: Path) -> None:
    site.put("/", front("/news/rss"))
    out = folder / "new" / "demo_presse.toml"
    result = draft(site, folder, "--out", out)
    assert (result.exit_code, result.stdout) == (0, "")
    assert tomllib.loads(out.read_text(encoding="utf-8"))["title"] == "Demo Presse"
    assert f"still to do: {out}: country: is missing" in result.stderr


def test_a_file_that_is_there_is_replaced_only_by_force(site: Site, folder: Path) -> None:
    site.put("/", front("/news/rss"))
    out = folder / "cm" / "example.toml"
    before = out.read_text(encoding="utf-8")
    assert "--force" in fault(draft(site, folder, "--out", out))
    assert out.read_text(encoding="utf-8") == before
    assert site.asked == []
    assert draft(site, folder, "--out", out, "--force").exit_code == 0
    assert tomllib.loads(out.read_text(encoding="utf-8"))["title"] == "Demo Presse"


@pytest.mark.parametrize("name", ["Demo.toml", "demo presse.toml", "demo.txt"])
def test_a_name_that_makes_no_outlet_is_refused_before_anything_is_fetched(
    site: Site, folder: Path, name: str
) -> None:
    result = draft(site, folder, "--out", folder / name)
    assert name in fault(result)
    assert site.asked == []


def test_a_place_that_cannot_be_written_is_an_error(site: Site, folder: Path) -> None:
    site.put("/", front("/news/rss"))
    out = folder / "cm" / "example.toml" / "demo.toml"
    result = draft(site, folder, "--out", out)
    assert f"{out}: cannot be written" in fault(result)


def test_an_outlet_known_already_is_told(site: Site, folder: Path) -> None:
    site.put("/", front("/news/rss"))
    written(folder, "known.toml", GOOD.replace("https://example.org/", site.home))
    assert "is already an outlet on 127.0.0.1: known" in draft(site, folder).stderr
