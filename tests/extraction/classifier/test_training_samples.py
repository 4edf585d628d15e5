"""Labels of blocks by the annotated text of the story."""

from dataclasses import replace

from blocks_made import blocks_of
from lxml.html import document_fromstring

from newscrawl.extraction.classifier.text_features import split_words
from tools.training.fit import split_folds
from tools.training.pages import Page
from tools.training.samples import UNKNOWN, label_blocks, make_samples

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


def test_what_a_feed_may_have_lost_has_no_label() -> None:
    annotated = replace(page(body=f"{FIRST}\n{SECOND}"), uncertain=frozenset({SECOND}))
    assert labels(f"<p>{FIRST}</p><p>{SECOND}</p><p>Partager</p>", annotated) == [1.0, UNKNOWN, 0.0]


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


def test_a_bare_copy_has_the_same_text_and_no_names() -> None:
    html = (
        "<html><body><nav class='top'><ul><li><a href=/>Accueil</a></li></ul></nav><article class='story'>"
        "<h1>Le pont rouvre</h1><p id=first>Le pont de la ville a rouvert mardi après deux ans.</p>"
        "</article></body></html>"
    )
    story = "Le pont de la ville a rouvert mardi après deux ans."
    pages = [
        Page(
            id=str(number),
            url="https://example.org/pont",
            html=html.encode(),
            dataset="own",
            page_type="article",
            body=story,
            inside=(),
            outside=(),
        )
        for number in range(60)
    ]
    made = [make_samples(page) for page in pages]
    assert {len(samples) for samples in made} == {1, 2}
    for whole, bare in (samples for samples in made if len(samples) == 2):
        assert whole.labels.tolist() == bare.labels.tolist() == [0.0, 0.0, 1.0]
        assert set(whole.outline.all_words) - {0}
        assert set(bare.outline.all_words) == {0}


def test_a_single_site_is_split_by_page_and_several_are_not() -> None:
    [sample] = make_samples(page_with_html())
    assert split_folds([replace(sample, lot=7)] * 4, 3) == [0, 1, 2, 0]
    assert split_folds([replace(sample, lot=lot) for lot in (4, 4, 8, 3)], 3) == [1, 1, 2, 0]


def test_the_charset_of_the_header_is_used() -> None:
    html = f"<p>{FIRST.replace('deux', 'trois années')}</p>".encode("latin-1")
    [sample] = make_samples(replace(page_with_html(), html=html, charset="iso-8859-1", body="trois années"))
    [mended] = make_samples(replace(page_with_html(), html=html.decode("latin-1").encode(), charset="utf-8"))
    assert sample.word_hashes.tolist() == mended.word_hashes.tolist()


def page_with_html() -> Page:
    return replace(page(body=FIRST), html=f"<p>{FIRST}</p><p>{SECOND}</p>".encode(), id="c")
