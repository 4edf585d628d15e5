"""How well the classifier does on an outlet whose feed has the whole stories: measured, shown, labelled."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from crafted import http, members, record
from prometheus_client.parser import text_string_to_metric_families
from typer.testing import CliRunner, Result
from wire.crawl import Crawl, crawl
from wire.witness_sites import FEED, BoxedSite, whole_content, write_outlet

from newscrawl import settings
from newscrawl.archive.pages import ArchiveFile
from newscrawl.cli import app
from newscrawl.cli.bench_witnesses import ALL_OUTLETS
from newscrawl.demo.http import Request, Response
from newscrawl.demo.saved_pages import read_truth
from newscrawl.demo.server import Newsroom, serve_in_thread
from newscrawl.demo.stories import Story
from newscrawl.errors import NewscrawlError
from newscrawl.extraction.evaluation.scores import parse_truth
from newscrawl.monitoring.agreement import CLOSE
from newscrawl.monitoring.alarm_rules import MIN_PAGES
from tools.training.pages import iter_pages
from tools.training.samples import make_samples

pytestmark = pytest.mark.crawl

BOUND = 0.95
PARTIAL = "witness_partial"
BOX = "div.c9 p"


class ReservingSite(BoxedSite):
    """A site of which one story reserves use by machines."""

    def __init__(self) -> None:
        super().__init__(FEED, whole_content)
        self.reserved = self.desk.listed[0]

    def _page(self, story: Story, request: Request) -> Response:
        page = super()._page(story, request)
        if story.id != self.reserved.id:
            return page
        return replace(page, headers=(("tdm-reservation", "1"),))


@pytest.fixture(scope="module")
def site() -> ReservingSite:
    return ReservingSite()


@pytest.fixture(scope="module")
def crawled(site: ReservingSite, tmp_path_factory: pytest.TempPathFactory) -> Crawl:
    folder = tmp_path_factory.mktemp("witnesses")
    outlets = folder / "outlets"
    with serve_in_thread(Newsroom([site])) as served:
        write_outlet(site, served.bases[FEED], outlets)
        with (outlets / f"{FEED}.toml").open("a", encoding="utf-8") as file:
            file.write(f"\n[expect]\nagreement = {BOUND}\n")
        done = crawl(FEED, archives=folder / "archives", NEWSCRAWL_OUTLETS=outlets)
    assert done.code == 0, done.output
    return done


@pytest.fixture
def archives(crawled: Crawl, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the archives; the outlet's file is known."""
    folder = crawled.folder.parent
    monkeypatch.setattr(settings, "NEWSCRAWL_OUTLETS", [str(folder.parent / "outlets")])
    return folder


def run(*arguments: object, columns: int = 100) -> Result:
    result = CliRunner().invoke(app, list(map(str, arguments)), env={"COLUMNS": str(columns)})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def qualities(crawled: Crawl) -> list[dict[str, Any]]:
    return [article["quality"] for article in crawled.articles]


def total(crawled: Crawl, field: str) -> Counter[str]:
    """The sum of a field over the articles with a whole witness."""
    whole = [quality for quality in qualities(crawled) if PARTIAL not in quality["flags"]]
    counts = Counter[str]()
    for quality in whole:
        counts.update({part["kind"]: part["chars"] for part in quality[field]})
    return counts


def test_the_run_sums_up_what_its_lines_say(crawled: Crawl, site: ReservingSite) -> None:
    figures = crawled.report["figures"]
    found = qualities(crawled)
    assert {quality["witness"] for quality in found} == {"feed"}
    assert len(found) == len(site.desk.listed)
    partial = [quality for quality in found if PARTIAL in quality["flags"]]
    assert figures["witness_whole"] == len(found) - len(partial) > MIN_PAGES
    assert figures.get("witness_partial", 0) == len(partial)
    assert figures["witness_common"] == sum(
        quality["witness_common_chars"] for quality in found if quality not in partial
    )
    assert figures["witness_extra"] == total(crawled, "witness_extra_chars")
    assert figures.get("witness_missed", {}) == total(crawled, "witness_missed_chars")
    close = [quality for quality in found if quality["witness_agreement"] >= CLOSE and quality not in partial]
    assert figures.get("witness_close", 0) == len(close)


def agreement_in(figures: dict[str, Any]) -> dict[str, float]:
    common = figures["witness_common"]
    chosen = common + sum(figures["witness_extra"].values())
    expected = common + sum(figures.get("witness_missed", {}).values())
    return {
        "precision": round(common / chosen, 4),
        "recall": round(common / expected, 4),
        "f1": round(2 * common / (chosen + expected), 4),
    }


def test_a_classifier_that_falls_for_the_boxes_is_an_alarm(crawled: Crawl) -> None:
    f1 = agreement_in(crawled.report["figures"])["f1"]
    [alarm] = [alarm for alarm in crawled.report["alarms"] if alarm["name"] == "witness_differs"]
    start = (
        f"classifier and witness agree on {f1:.0%} of the text, at least 95% expected; too much: paragraphs"
    )
    assert f1 < BOUND
    assert alarm["detail"].startswith(start)


def test_status_and_metrics_show_it(archives: Path, crawled: Crawl) -> None:
    shares = agreement_in(crawled.report["figures"])
    [status] = json.loads(run("status", "--archives", archives, "--json").stdout)
    assert {name: status["agreement"][name] for name in shares} == shares
    whole = crawled.report["figures"]["witness_whole"]
    assert status["agreement"]["whole"] == whole
    shown = run("status", "--archives", archives, columns=140).stdout
    assert f"{shares['f1']:.0%} of {whole}" in shown
    text = (archives / "metrics" / f"{FEED}.prom").read_text(encoding="utf-8")
    samples = [one for family in text_string_to_metric_families(text) for one in family.samples]
    values = {one.name: one.value for one in samples}
    assert round(values["newscrawl_run_witness_precision"], 4) == shares["precision"]
    assert round(values["newscrawl_run_witness_recall"], 4) == shares["recall"]


def test_the_explanation_of_a_page_says_how_far_they_agree(archives: Path, crawled: Crawl) -> None:
    article = next(one for one in crawled.articles if PARTIAL not in one["quality"]["flags"])
    pointer = article["warc"]
    shown = run("explain", f"{crawled.folder / pointer['file']}:{pointer['offset']}").stdout
    line = next(line for line in shown.splitlines() if "witness: feed, whole" in line)
    assert f"the classifier agrees on {article['quality']['witness_agreement']:.0%} (too much: " in line


def test_an_archive_gives_the_figures_of_its_run_and_the_places(archives: Path, crawled: Crawl) -> None:
    found = json.loads(run("bench", "text", "--witnesses", archives, "--jobs", 1, "--json").stdout)
    outlet = found["outlets"][FEED]
    assert list(found["outlets"]) == [FEED]
    assert {name: outlet[name] for name in ("precision", "recall", "f1")} == agreement_in(
        crawled.report["figures"]
    )
    assert sum(outlet["outcomes"].values()) == outlet["whole"] + outlet["partial"] == len(crawled.articles)
    assert outlet["whole"] == crawled.report["figures"]["witness_whole"]
    assert outlet["extra"] == crawled.report["figures"]["witness_extra"]
    places = {(place["only"], place["selector"]): place for place in found["places"]}
    box = places["classifier", BOX]
    assert (box["outlet"], box["kind"]) == (FEED, "p")
    assert 2 * box["pages"] >= box["blocks"] >= box["pages"] > outlet["whole"] / 2
    assert sum(place["chars"] for place in found["places"] if place["only"] == "classifier") == sum(
        outlet["extra"].values()
    )


def test_a_place_that_the_outlet_excludes_is_no_longer_too_much(
    archives: Path, crawled: Crawl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (archives.parent / "outlets" / f"{FEED}.toml").read_text(encoding="utf-8")
    rule = f"\n[[rules]]\nexclude = ['{BOX}']\n"
    (tmp_path / f"{FEED}.toml").write_text(text.replace("\n[expect]", f"{rule}\n[expect]"), encoding="utf-8")
    monkeypatch.setattr(settings, "NEWSCRAWL_OUTLETS", [str(tmp_path)])
    found = json.loads(run("bench", "text", "--witnesses", archives, "--jobs", 1, "--json").stdout)
    assert BOX not in {place["selector"] for place in found["places"]}
    assert found["outlets"][FEED]["f1"] > agreement_in(crawled.report["figures"])["f1"]


def test_the_tables_of_several_outlets_fit_a_terminal(archives: Path, crawled: Crawl, tmp_path: Path) -> None:
    shutil.copytree(crawled.folder, tmp_path / "other")
    done = run("bench", "text", "--witnesses", crawled.folder, tmp_path, "--limit", 20, columns=80)
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    assert ALL_OUTLETS in done.stdout
    assert "paragraphs" in done.stdout


@pytest.mark.parametrize(
    "option", [["--dataset", "x"], ["--report", "x.html"], ["--predictions", __file__]], ids=lambda o: o[0]
)
def test_options_for_annotated_pages_are_refused(archives: Path, option: list[str]) -> None:
    done = run("bench", "text", "--witnesses", archives, *option)
    assert done.exit_code == 2
    assert "not together with --witnesses" in done.output


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """An archive of another program: nothing says what a story is."""
    body = "".join(f"<p>The ferry of the {day} day was late by a quarter of an hour.</p>" for day in range(9))
    block = http(f"<article>{body}</article>".encode(), "Content-Type: text/html; charset=utf-8")
    path = tmp_path / "foreign" / "a.warc.gz"
    path.parent.mkdir()
    path.write_bytes(members([record("response", "http://ferry.example/late", block, number=1)]))
    return path


@pytest.mark.parametrize("words", [["bench", "text", "--witnesses"], ["train", "--out", "corpus", "--from"]])
def test_an_archive_without_witnesses_is_an_error(
    words: list[str], foreign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NewscrawlError, match=r"a\.warc\.gz .*witness: 1 no_witness$"):
        run(*words, foreign)
    assert not (tmp_path / "corpus").exists()


@pytest.fixture(scope="module")
def corpus(crawled: Crawl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "NEWSCRAWL_OUTLETS", [str(crawled.folder.parent.parent / "outlets")])
        folder = tmp_path_factory.mktemp("corpus") / "labelled"
        done = run("train", "--from", crawled.folder, "--out", folder, "--jobs", 1)
        assert done.exit_code == 0, done.output
        assert "reserved 1" in done.stdout
        assert done.stdout.endswith(
            f"newscrawl bench text {folder}\n"
            f"python -m tools.training fit {folder} --out {folder / 'model.npz'}\n"
        )
        yield folder


def test_labelled_pages_have_the_stories_of_the_outlet(corpus: Path, site: ReservingSite) -> None:
    lines = read_truth(corpus)
    assert [line.page.path for line in lines]
    stories = {site.story_path(story): story for story in site.desk.listed}
    labelled = set()
    for line in lines:
        [path] = [path for path in stories if line.page.url.endswith(path)]
        labelled.add(path)
        truth = parse_truth(line.record)
        assert truth.dataset == FEED
        assert BoxedSite.text(site, stories[path]) in truth.variants()
    assert site.story_path(site.reserved) not in labelled
    assert len(labelled) >= len(stories) - 3


def test_the_training_reads_them_and_labels_the_boxes_as_no_story(corpus: Path) -> None:
    for page in iter_pages(corpus):
        assert page.body
        sample, *_ = make_samples(page)
        assert page.charset == "utf-8"
        count = len(page.body.splitlines()) - len(page.uncertain)
        assert sum(label == 1 for label in sample.labels) == count
        assert sum(label == 0 for label in sample.labels) > 3


def test_the_text_is_measured_on_them(corpus: Path) -> None:
    found = json.loads(run("bench", "text", corpus, "--jobs", 1, "--limit", 3, "--json").stdout)
    assert found["groups"][FEED]["texts"]["newscrawl"]["precision"] < BOUND
    assert found["unmeasured"] == []


def test_a_corpus_is_not_overwritten_and_may_be_limited(archives: Path, corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(NewscrawlError, match=r"truth\.jsonl exists"):
        run("train", "--from", archives, "--out", corpus)
    few = tmp_path / "few"
    done = run("train", "--from", archives, "--out", few, "--limit", 2, "--json")
    assert json.loads(done.stdout)["pages"] == len(read_truth(few)) == 2
    again = run("train", "--from", archives, "--from", archives, "--out", tmp_path / "again", "--limit", 2)
    assert again.exit_code == 0
    assert (tmp_path / "again" / "truth.jsonl").read_bytes() == (few / "truth.jsonl").read_bytes()


def test_a_damaged_page_costs_itself(archives: Path, crawled: Crawl, tmp_path: Path) -> None:
    """The other pages are measured and labelled, and the exit code says that one is lost."""
    folder = tmp_path / FEED
    shutil.copytree(crawled.folder, folder)
    [path] = crawled.warcs
    pages = list(ArchiveFile(path=path).pages())
    pointer = pages[len(pages) // 2].pointer
    raw = bytearray(path.read_bytes())
    raw[pointer.offset + 40 : pointer.offset + 60] = bytes(20)
    (folder / path.name).write_bytes(raw)
    done = run("bench", "text", "--witnesses", folder, "--json")
    found = json.loads(done.stdout)
    assert done.exit_code == 1
    outlet = found["outlets"][FEED]
    assert outlet["whole"] + outlet["partial"] == len(crawled.articles) - 1
    assert "records were lost" in found["unmeasured"][0]
    done = run("train", "--from", folder, "--out", tmp_path / "corpus")
    assert done.exit_code == 1
    assert len(read_truth(tmp_path / "corpus")) in {outlet["whole"] - 1, outlet["whole"]}
