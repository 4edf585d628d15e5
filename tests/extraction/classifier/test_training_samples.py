"""Labels of blocks by the annotated text of the story."""

from blocks_made import blocks_of
from lxml.html import document_fromstring

from newscrawl.extraction.classifier.text_features import split_words
from tools.training.pages import Page
from tools.training.samples import UNKNOWN, label_blocks

FIRST = "Le pont de la ville a rouvert mardi après deux ans de travaux."
SECOND = "Les habitants attendaient la fin du chantier depuis longtemps."


def page(*, body: str | None = None, inside: tuple[str, ...] = (), outside: tuple[str, ...] = ()) -> Page:
    return Page(
        id="a", url="https://www.echo.example/a", html=b"", dataset="own", page_type="article",
        body=body, inside=inside, outside=outside,
    )  # fmt: skip


def labels(html: str, annotated: Page, title: str = "") -> list[float]:
    return [
        float(one)
        for one in label_blocks(
            annotated, blocks_of(document_fromstring(html)), frozenset(split_words(title))
        )
    ]


def test_blocks_of_the_story_are_labelled_1_and_others_0() -> None:
    html = f"<p>Menu du jour et autres plats</p><p>{FIRST}</p><p>{SECOND}</p>"
    assert labels(html, page(body=f"{FIRST}\n{SECOND}")) == [0.0, 1.0, 1.0]


def test_a_teaser_with_the_storys_words_counts_where_the_story_is() -> None:
    between = "".join(f"<p>Tout autre chose se lit ici, numéro {n}.</p>" for n in range(10))
    html = f"<p>{FIRST}</p>{between}<p>{SECOND}</p><p>{FIRST}</p>"
    assert labels(html, page(body=f"{SECOND}\n{FIRST}"))[-1] == 1.0
    assert sum(labels(html, page(body=f"{SECOND}\n{FIRST}"))) == 2.0


def test_the_headline_has_no_label() -> None:
    html = f"<h1>Le pont rouvre enfin</h1><p>{FIRST}</p>"
    assert labels(html, page(body=f"Le pont rouvre enfin\n{FIRST}"), "Le pont rouvre enfin") == [UNKNOWN, 1.0]


def test_annotated_segments_label_only_their_blocks() -> None:
    html = f"<p>{FIRST}</p><p>{SECOND}</p><p>Partager</p>"
    annotated = page(inside=("a rouvert mardi",), outside=("Partager",))
    assert labels(html, annotated) == [1.0, UNKNOWN, 0.0]


def test_pages_of_one_site_share_a_fold() -> None:
    other = Page(
        id="b", url="https://m.echo.example/b", html=b"", dataset="own", page_type="article",
        body="", inside=(), outside=(),
    )  # fmt: skip
    assert page().site == other.site == "echo.example"
    assert page().fold == other.fold
