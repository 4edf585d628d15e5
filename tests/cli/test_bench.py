"""`newscrawl bench text`: a small corpus, measured by the real programs in real worker processes."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lxml import html as lxml_html
from typer.testing import CliRunner, Result

from newscrawl.cli import app
from newscrawl.cli.bench_report import MAX_TEXT_CHARS
from newscrawl.errors import NewscrawlError

MILL = (
    "Le moulin de Saint-Aubrac tourne de nouveau depuis lundi, après onze ans de silence et trois devis.",
    "La meunière, Odile Ferrand, a versé le premier sac de seigle devant une cinquantaine de voisins.",
    "« On entendait mieux la rivière que les discours », a-t-elle dit en essuyant la farine de ses lunettes.",
    "La commune a payé la roue, et les habitants ont payé le toit avec deux lotos et des confitures.",
    "Le pain du moulin sera vendu le samedi, sous la halle, tant qu’il y aura du grain à moudre.",
)
FERRY = (
    "The night ferry to Little Skerry was held for two hours on Sunday because of a swan on the ramp.",
    "Deckhands offered it bread, then lettuce, and in the end the captain’s own umbrella, witnesses said.",
    "“It looked at us as if we were late,” said Ruth Imber, who has taken the boat for thirty years.",
    "The bird left at nine, on foot, and the sixty passengers reached the island after midnight.",
    "The company has promised a hot breakfast to everybody who waited, and a fence before the summer.",
)
HOSTILE = (
    "Hostile </div></details><script>alert(1)</script>\x1b[31m\u202e ${pages} <img src=x onerror=alert(2)>"
)
TEASER = "Swans of the islands: our ten favourite pictures of the year"
PRODUCT = "A kettle of brushed steel that holds one litre and whistles in two tones when the water boils."


def page(title: str, paragraphs: tuple[str, ...], foot: str = "") -> bytes:
    text = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return (
        f"<html><head><title>{title}</title></head><body><nav><a href=/>Home</a> <a href=/s>Sports</a></nav>"
        f"<main><article><h1>{title}</h1><div class=entry-content>{text}</div></article></main>"
        f"<footer>{foot}</footer></body></html>"
    ).encode()


@dataclass
class Corpus:
    """A folder with annotated pages, which tests can add to."""

    folder: Path

    def add(self, page_id: str, html: bytes, **truth: Any) -> None:
        (self.folder / "html").mkdir(parents=True, exist_ok=True)
        name = f"html/{page_id}.html.gz"
        (self.folder / name).write_bytes(gzip.compress(html))
        url = f"https://{page_id}.example/2026/story"
        self.write(json.dumps({"id": page_id, "url": url, "html": name, "dataset": "own"} | truth))

    def write(self, line: str) -> None:
        with (self.folder / "truth.jsonl").open("a", encoding="utf-8") as out:
            out.write(f"{line}\n")


def small_corpus(folder: Path) -> Corpus:
    corpus = Corpus(folder)
    corpus.add("mill", page("Le moulin tourne", MILL), kind="full", text="\n\n".join(MILL))
    paragraphs = [*FERRY, HOSTILE]
    corpus.add(
        "ferry", page("A swan delays the ferry", FERRY), kind="full", paragraphs=paragraphs, site="i.example"
    )
    corpus.add(
        "swans",
        page("A swan delays the ferry again", FERRY, foot=TEASER),
        kind="segments",
        dataset="parts",
        **{"with": ["Deckhands offered it bread", "nothing of the kind"], "without": [TEASER]},
    )
    corpus.add("bare", b"<html><body></body></html>", kind="full", text="\n\n".join(MILL))
    corpus.add("kettle", b"<html><body></body></html>", kind="full", text=PRODUCT, page_type="product")
    return corpus


def bench(*arguments: object, columns: int = 80) -> Result:
    words = ["bench", "text", "--jobs", "1", *map(str, arguments)]
    result = CliRunner().invoke(app, words, env={"COLUMNS": str(columns)})
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@dataclass
class Measured:
    corpus: Corpus
    figures: dict[str, Any]
    report: str


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """The small corpus, its figures and its HTML page."""
    folder = tmp_path_factory.mktemp("corpus")
    corpus = small_corpus(folder)
    report = folder / "report.html"
    result = bench(folder, "--json", "--report", report)
    assert result.exit_code == 0, result.output
    return Measured(corpus, json.loads(result.stdout), report.read_text(encoding="utf-8"))


def test_the_figures_of_each_corpus_and_of_all_articles(measured: Measured) -> None:
    groups = measured.figures["groups"]
    assert {name: figures["pages"] for name, figures in groups.items()} == {
        "own": 3,
        "parts": 1,
        "own, product": 1,
        "all articles": 4,
    }
    own = groups["own"]["texts"]["newscrawl"]
    # The mill is right, the ferry lacks a paragraph, the bare page is empty.
    assert own["precision"] == 1
    assert 0.6 < own["recall"] < 2 / 3
    assert (own["right"], own["empty"]) == (pytest.approx(1 / 3), 1)
    assert set(groups["own"]["texts"]) == {"newscrawl", "trafilatura precision", "trafilatura default"}
    parts = groups["parts"]["segments"]["newscrawl"]
    assert (parts["precision"], parts["recall"], parts["clean"]) == (1, 0.5, 0)
    assert groups["parts"]["texts"] == {}
    difference = groups["own"]["differences"]["trafilatura precision"]
    assert difference["by_page"][0] <= difference["mean"] <= difference["by_page"][1]
    assert difference["sites"] == 3
    assert all(ratio > 0 for ratio in groups["own"]["cpu_ratios"].values())


def test_a_rejected_article_is_named_and_a_rejected_product_is_not(measured: Measured) -> None:
    groups = measured.figures["groups"]
    (wrong,) = measured.figures["wrong_rejections"]
    assert (wrong["id"], wrong["truth_chars"]) == ("bare", len("\n\n".join(MILL)))
    assert wrong["reason"] != "article"
    assert (groups["own"]["long_pages"], groups["own"]["wrongly_rejected"]) == (3, {wrong["reason"]: 1})
    assert groups["own, product"]["rejected"] == {wrong["reason"]: 1}
    assert groups["own, product"]["wrongly_rejected"] == {}


def test_the_same_pages_give_the_same_figures_in_any_number_of_processes(measured: Measured) -> None:
    again = json.loads(bench(measured.corpus.folder, "--json", "--jobs", "2").stdout)

    def timeless(figures: dict[str, Any]) -> dict[str, Any]:
        return {
            name: {key: value for key, value in group.items() if not key.startswith("cpu_")}
            for name, group in figures["groups"].items()
        }

    assert timeless(again) == timeless(measured.figures)


def test_the_tables_fit_a_terminal(measured: Measured) -> None:
    shown = bench(measured.corpus.folder).stdout
    assert max(map(len, shown.splitlines())) <= 80
    assert "…" not in shown
    for words in (
        "trafilatura precision",
        "95 % by site",
        "ratio to it",
        "Wrongly rejected articles",
        "bare",
    ):
        assert words in shown, words
    assert re.search(r"│ all articles +│ +4 │", shown)


def test_the_page_shows_the_worst_articles_first_with_marks(measured: Measured) -> None:
    tree = lxml_html.document_fromstring(measured.report)
    sections = tree.xpath("//details[@class='page']")
    assert [section.xpath("string(summary/bdi)") for section in sections] == [
        "bare",
        "swans",
        "ferry",
        "mill",
        "kettle",
    ]
    bare, swans, ferry, mill, _ = sections
    assert MILL[0] in bare.xpath("string(.//mark[@class='missing'])")
    assert "no text" in bare.text_content()
    assert [mark.text for mark in swans.xpath(".//mark")] == ["nothing of the kind"]
    annotated, extracted = ferry.xpath(".//div[@class='texts']/section/div[@class='text']")
    assert "".join(annotated.xpath(".//mark/text()")).startswith("Hostile </div></details><script>")
    assert extracted.text_content() == "\n\n".join(FERRY)
    assert not mill.xpath(".//mark")


def test_the_page_runs_nothing_and_escapes_everything(measured: Measured) -> None:
    tree = lxml_html.document_fromstring(measured.report)
    tags = {element.tag for element in tree.iter()}
    assert not tags & {"script", "img", "iframe", "a", "link", "form", "object", "embed", "svg", "base"}
    attributes = {name for element in tree.iter() for name in element.attrib}
    assert not [name for name in attributes if name.startswith("on") or name in {"src", "href", "style"}]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in measured.report
    assert "${pages}" in measured.report
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", measured.report)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', measured.report)
    (style,) = re.findall(r"<style>(.*?)</style>", measured.report, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "url(" not in style


def test_the_page_says_what_it_leaves_out(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    truth = "All work is wool. " * (MAX_TEXT_CHARS // 18) + "The end of a very long day." * 10
    corpus.add("long", b"<html></html>", kind="full", text=truth)
    bench(tmp_path, "--report", tmp_path / "out.html")
    report = (tmp_path / "out.html").read_text(encoding="utf-8")
    assert f"… {len(truth) - MAX_TEXT_CHARS} more characters" in report


def test_pages_can_be_chosen(measured: Measured, tmp_path: Path) -> None:
    report = tmp_path / "out.html"
    chosen = ("--dataset", "own", "--limit", "2", "--worst", "1")
    figures = json.loads(bench(measured.corpus.folder, *chosen, "--json", "--report", report).stdout)
    assert {name: group["pages"] for name, group in figures["groups"].items()} == {"own": 2}
    text = report.read_text(encoding="utf-8")
    assert re.findall("<bdi>([a-z]+)</bdi>", text) == ["ferry"]


def test_another_classifier_gives_other_figures(measured: Measured, tmp_path: Path) -> None:
    """Here one whose every vote is turned round."""
    model = tmp_path / "other.npz"
    with files("newscrawl.extraction.classifier").joinpath("model.npz").open("rb") as stream:
        arrays = dict(np.load(stream))
    np.savez(model, **{name: -array if name.endswith(".leaves") else array for name, array in arrays.items()})
    figures = json.loads(bench(measured.corpus.folder, "--json", "--limit", "1", "--model", model).stdout)
    assert figures["model"] == str(model)
    # It is sure that nothing is a story, so that trafilatura is asked.
    assert figures["groups"]["own"]["second_opinions"] == 1
    assert measured.figures["groups"]["own"]["second_opinions"] == 0


def test_texts_that_were_extracted_before_are_measured_instead(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    for page_id in ("mill", "half", "gone", "lost"):
        corpus.add(page_id, page("Le moulin tourne", MILL), kind="full", text="\n\n".join(MILL))
    lines: list[dict[str, Any]] = [{"id": "mill", "text": "\n".join(MILL), "cpu_ms": 3}]
    lines += [
        {"id": "half", "text": MILL[0]},
        {"id": "gone", "reason": "listing"},
        {"id": "other", "text": ""},
    ]
    predictions = tmp_path / "texts.jsonl"
    predictions.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    figures = json.loads(bench(tmp_path, "--json", "--predictions", predictions).stdout)
    own = figures["groups"]["own"]
    assert (own["texts"]["newscrawl"]["precision"], own["texts"]["newscrawl"]["right"]) == (1, 0.25)
    assert own["texts"]["trafilatura default"]["right"] == 1
    assert own["wrongly_rejected"] == {"listing": 1, "no_prediction": 1}
    # The time was taken elsewhere: it cannot be compared.
    assert "newscrawl" not in own["cpu_ms"]
    assert own["cpu_ratios"] == {}
    assert figures["predictions"] == str(predictions)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"[]", "line 2: no JSON object"),
        (b'{"text": "a"}', "line 2: no JSON object with an `id`"),
        (b'{"id": "mill", "text": ["a"]}', "line 2: `id`, `text` or `reason` is no string"),
        (b'{"id": "mill", "text": "\xff"}', "line 2: no JSON object"),
    ],
)
def test_an_invalid_prediction_is_named(
    line: bytes, message: str, measured: Measured, tmp_path: Path
) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_bytes(b'{"id": "mill", "text": "a"}\n' + line)
    with pytest.raises(NewscrawlError, match=rf"texts\.jsonl, {message}"):
        bench(measured.corpus.folder, "--predictions", path)


def test_a_page_that_cannot_be_read_costs_only_itself(tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    corpus.add("cut", page("Le moulin tourne", MILL), kind="full", text="\n\n".join(MILL))
    corpus.add("mill", page("Le moulin tourne", MILL), kind="full", text="\n\n".join(MILL))
    whole = tmp_path / "html" / "cut.html.gz"
    whole.write_bytes(whole.read_bytes()[:100])
    result = bench(tmp_path, "--json")
    assert result.exit_code == 1
    figures = json.loads(result.stdout)
    assert figures["groups"]["own"]["pages"] == 1
    assert figures["groups"]["own"]["texts"]["newscrawl"]["f1"] == 1
    (unmeasured,) = figures["unmeasured"]
    assert unmeasured["id"] == "cut"
    assert "html/cut.html.gz cannot be read" in unmeasured["reason"]
    assert "cut: not measured" in result.stderr.replace("\n", " ")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"truth\.jsonl, line 2: not JSON"),
        ('{"id": "x", "url": "u", "html": "html/gone.html", "kind": "full"}', r"line 2: html: no such file"),
        (
            '{"id": "x", "url": "u", "html": "html/mill.html.gz"}',
            r"truth\.jsonl, line 2: kind: Field required",
        ),
        ('{"id": "x", "url": "u", "html": "html/mill.html.gz", "kind": "full"}', r"line 2: text: missing"),
        (
            '{"id": "x", "url": "u", "html": "html/mill.html.gz", "kind": "segments", "with": [3]}',
            r"line 2: with\.0:",
        ),
    ],
)
def test_an_invalid_line_is_named_with_its_key(line: str, message: str, tmp_path: Path) -> None:
    corpus = Corpus(tmp_path)
    corpus.add("mill", page("Le moulin tourne", MILL), kind="full", text="\n\n".join(MILL))
    corpus.write(line)
    with pytest.raises(NewscrawlError, match=message):
        bench(tmp_path)


def test_what_cannot_be_measured_is_an_error_before_any_work(measured: Measured, tmp_path: Path) -> None:
    folder = measured.corpus.folder
    with pytest.raises(NewscrawlError, match="no page to measure"):
        bench(folder, "--dataset", "none")
    with pytest.raises(NewscrawlError, match=r"truth\.jsonl"):
        bench(tmp_path)
    with pytest.raises(NewscrawlError, match="there is no such folder"):
        bench(folder, "--report", tmp_path / "gone" / "out.html")
    with pytest.raises(NewscrawlError, match="is no model of the classifier"):
        bench(folder, "--model", folder / "truth.jsonl")
    copy = shutil.copytree(folder, tmp_path / "copy")
    with pytest.raises(NewscrawlError, match=r"copy/truth\.jsonl, line 1: id 'mill' is in .* too"):
        bench(folder, copy)
    with pytest.raises(NewscrawlError, match=r"id 'mill' is in .* too"):
        bench(folder, folder)
