"""`newscrawl stats`: what lines say by outlet and day, and a page no title can break out of."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from lxml import html as lxml_html
from typer.testing import CliRunner, Result
from wire.archived import answer, archived_run, story

from newscrawl.archive.report import Report, write_report
from newscrawl.cli import app
from newscrawl.cli.stats import sparkline
from newscrawl.errors import ArchiveError, NewscrawlError
from newscrawl.items import Article, KindChars, Quality
from newscrawl.state.database import Database, database_url
from newscrawl.state.documents import DocumentTable
from newscrawl.state.encoding import page_key

HOSTILE = '</td></table><script>alert(1)</script><img src=x onerror="alert(2)"> \u202e \x1b[31m & \ud800'


def invoked(*args: str | Path) -> Result:
    result = CliRunner().invoke(app, ["stats", *map(str, args)], env={"COLUMNS": "160"})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def archives(tmp_path: Path) -> Path:
    """Two outlets, three days; one article of each in French."""
    run = archived_run(tmp_path / "made", "x", {"http://example.org/pier": answer(story("pier"))})
    article = Article.model_validate_json(run.lines.read_bytes().splitlines()[0])
    for outlet in ("courier", "echo"):
        folder = tmp_path / "archives" / outlet
        folder.mkdir(parents=True)
        for day in (1, 2, 4):
            write(folder, day, article, day if outlet == "courier" else 1)
    return tmp_path / "archives"


def write(folder: Path, day: int, article: Article, count: int) -> None:
    name = f"{folder.name}-202603{day:02}120000000-{day}"
    fetched = f"2026-03-{day:02}T12:00:00.000000Z"
    lines = [
        json.dumps(
            article.model_dump(mode="json", by_alias=True)
            | {"fetched": fetched, "lang": "fr" if number == 0 else "en", "title": f"{HOSTILE} {day}"}
        )
        for number in range(count)
    ]
    (folder / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines))
    rejected = [{"reason": reason, "fetched": fetched} for reason in ("http_404", "not_modified")]
    (folder / f"{name}.rejected.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rejected))


def test_lines_are_counted_by_outlet_and_day(archives: Path) -> None:
    data = json.loads(invoked("--archives", archives, "--until", "2026-03-04", "--json").stdout)
    assert [(each["outlet"], each["day"], each["articles"]) for each in data] == [
        ("courier", "2026-03-01", 1),
        ("courier", "2026-03-02", 2),
        ("courier", "2026-03-04", 4),
        ("echo", "2026-03-01", 1),
        ("echo", "2026-03-02", 1),
        ("echo", "2026-03-04", 1),
    ]
    assert data[2]["languages"] == {"en": 3, "fr": 1}
    assert data[2]["failures"] == {"http_404": 1}
    article = json.loads((next((archives / "echo").glob("*-4.jsonl"))).read_text())
    assert data[5]["median_chars"] == article["char_count"]


def test_the_agreement_with_witnesses_is_added_up_by_day(archives: Path) -> None:
    quality = Quality(
        witness="feed",
        witness_agreement=0.9,
        witness_common_chars=90,
        witness_extra_chars=[KindChars(kind="p", chars=10)],
        witness_missed_chars=[KindChars(kind="li", chars=10)],
    )
    [path] = (archives / "courier").glob("*-2.jsonl")
    first, second = (json.loads(line) for line in path.read_text().splitlines())
    first["quality"] = quality.model_dump()
    second["quality"] = quality.model_dump() | {"of_a_later_version": 1}
    path.write_text(f"{json.dumps(first)}\n{json.dumps(second)}\n")
    until = ("--archives", archives, "--until", "2026-03-04")
    data = json.loads(invoked(*until, "--json").stdout)
    assert data[1]["agreement"]["whole"] == 1
    assert data[1]["agreement"]["f1"] == 0.9
    assert data[0]["agreement"]["f1"] is None
    assert invoked(*until).stdout.count("90%") == 2
    out = archives.parent / "stats.html"
    invoked(*until, "--html", out)
    assert "2026-03-02: 90%" in out.read_text(encoding="utf-8")


def test_days_outside_and_replays_are_left_out(archives: Path) -> None:
    run = "courier-20260302120000000-2"
    moment = "2026-03-02T12:00:00.000000Z"
    report = Report(run=run, outlet="courier", started=moment, finished=moment, seconds=1, reason="finished")
    write_report(archives / "courier", report.model_copy(update={"replay_of": "another"}))
    told = invoked("courier", "--archives", archives, "--until", "2026-03-02", "--days", "2", "--json")
    assert [each["day"] for each in json.loads(told.stdout)] == ["2026-03-01"]


def test_copies_are_those_that_state_knows(archives: Path) -> None:
    article = json.loads(next((archives / "echo").glob("*-4.jsonl")).read_text())
    database = Database.open(database_url("", archives.resolve()))
    ids = {"first_article_id": "a" * 32, "latest_article_id": "a" * 32}
    known = {**ids, "published": 1, "fetched_at": 1, "cluster": "b" * 32}
    with DocumentTable(database).writing() as rows:
        key = page_key("echo", article["url_requested"])
        rows.store([known | {"key": key, "outlet": "echo", "url": article["url"], "duplicate_of": "b" * 32}])
    database.close()
    data = json.loads(invoked("--archives", archives, "--until", "2026-03-04", "--json").stdout)
    assert [each["copies"] for each in data] == [0, 0, 0, 1, 1, 1]


def test_the_table_shows_every_outlet(archives: Path) -> None:
    done = invoked("--archives", archives, "--until", "2026-03-04", "--days", "4")
    assert done.exit_code == 0
    assert "▂▄ █" in done.stdout
    assert "en 57%, fr 43%" in done.stdout
    assert "http_404 3" in done.stdout
    assert "all" in done.stdout


def test_bars_are_as_high_as_their_counts() -> None:
    assert sparkline([0, 1, 4, 8]) == " ▁▄█"
    assert sparkline([0, 1, 1000]) == " ▁█"
    assert sparkline([0, 0]) == "  "
    assert sparkline([]) == ""


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.add(tag)
        self.attributes.update(name for name, _ in attrs)


def test_the_page_holds_plots_and_no_title_breaks_out_of_it(archives: Path, tmp_path: Path) -> None:
    out = tmp_path / "stats.html"
    assert invoked("--archives", archives, "--until", "2026-03-04", "--html", out).exit_code == 0
    text = out.read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(text)
    assert {"svg", "rect", "line", "table"} <= tags.found
    assert not {"script", "img", "iframe", "link", "object"} & tags.found
    assert not {name for name in tags.attributes if name.startswith("on") or name in ("style", "src")}
    assert "default-src 'none'" in text
    # A link in a title is text: nothing on the page leads anywhere.
    assert "href" not in tags.attributes
    tree = lxml_html.fromstring(text)
    assert [cell.text_content() for cell in tree.xpath("//tbody//th")] == ["courier", "echo"]
    assert "alert(1)" in tree.xpath("//tbody//td[last()]")[0].text_content()
    assert not [char for char in text if char in "\x1b\u202e"]
    courier = tree.xpath("//details[summary='courier']")[0]
    told = [title.text_content() for title in courier.xpath(".//figure[1]//title")]
    assert told[-2:] == ["2026-03-04: fr 1", "2026-03-04: en 3"]


def test_a_reserved_title_is_not_handed_on(archives: Path, tmp_path: Path) -> None:
    path = next((archives / "echo").glob("*-4.jsonl"))
    line = json.loads(path.read_text())
    path.write_text(json.dumps(line | {"title": "Kept in", "rights": {"policy": "no-export"}}) + "\n")
    out = tmp_path / "stats.html"
    assert invoked("--archives", archives, "--until", "2026-03-04", "--html", out).exit_code == 0
    (newest,) = lxml_html.fromstring(out.read_text(encoding="utf-8")).xpath(
        "//tbody/tr[th='echo']/td[last()]"
    )
    assert "Kept in" not in out.read_text(encoding="utf-8")
    assert newest.text_content().endswith("2")


def test_a_broken_line_is_named_and_costs_itself(archives: Path) -> None:
    path = next((archives / "echo").glob("*-4.jsonl"))
    with path.open("ab") as stream:
        stream.write(b'{"torn": \n[1]\n{"another": 1}\n')
    done = invoked("--archives", archives, "--until", "2026-03-04", "--json")
    assert done.exit_code == 1
    assert [f"{path}, line {number}: not a line of newscrawl" in done.stderr for number in (2, 3, 4)] == [
        True
    ] * 3
    assert len(json.loads(done.stdout)) == 6


def test_bad_input_is_named(archives: Path, tmp_path: Path) -> None:
    with pytest.raises(NewscrawlError, match="no lines of none"):
        invoked("none", "--archives", archives)
    with pytest.raises(ArchiveError, match=r"no such folder: .*/nowhere"):
        invoked("--archives", tmp_path / "nowhere")
    assert "'soon' is no day" in invoked("--archives", archives, "--until", "soon").stderr
