"""Selection of the story's blocks."""

from lxml.html import HtmlElement, document_fromstring

from newscrawl.extraction.body import BlockSelection, count_chars, select_blocks, trafilatura_keep_mask
from newscrawl.extraction.context import PageContext
from newscrawl.extraction.head import read_head
from newscrawl.extraction.view import build_view
from newscrawl.outlet import Rule

URL = "https://echo.example/a"
BODY = [f"Le paragraphe {n} du récit dit ce qui se passa ensuite au village, et pourquoi." for n in range(6)]


def select(html: str, rule: Rule | None = None) -> tuple[list[str], BlockSelection]:
    tree: HtmlElement = document_fromstring(html)
    head, rule = read_head(tree, URL, {}), rule or Rule()
    view = build_view(tree, head, rule)
    context = PageContext(
        url=URL,
        headers={},
        fetched=None,
        outlet=None,
        rule=rule,
        link=None,
        status=None,
        classifier=None,
        memory=None,
    )
    selection = select_blocks(context, tree, head, view)
    texts = [block.text for block, keep in zip(view.blocks, selection.selected, strict=True) if keep]
    return texts, selection


def paragraphs(lines: list[str]) -> str:
    return "".join(f"<p>{line}</p>" for line in lines)


def test_several_containers_are_read_in_order_and_nested_ones_once() -> None:
    html = "<div class=s><p>Un.</p><div class=s><p>Deux.</p></div></div><p>Hors.</p><div class=s>Trois.</div>"
    texts, selection = select(f"<body>{html}</body>", Rule(body="div.s"))
    assert texts == ["Un.", "Deux.", "Trois."]
    assert (selection.confidence, selection.asked_trafilatura) == (1.0, False)


def test_the_classifier_finds_a_story_among_menus() -> None:
    menu = "".join(f"<li><a href=/{n}>Rubrique {n}</a></li>" for n in range(9))
    html = f"<body><nav><ul>{menu}</ul></nav><article><h1>Le titre</h1>{paragraphs(BODY)}</article></body>"
    assert [text for text in select(html)[0] if text in BODY] == BODY
    assert not any(text.startswith("Rubrique") for text in select(html)[0])


def test_the_classifier_gives_the_same_result_each_time() -> None:
    html = f"<body><article>{paragraphs(BODY)}</article><footer>Mentions légales</footer></body>"
    assert select(html)[1] == select(html)[1]


def test_a_page_without_a_story_gives_next_to_nothing() -> None:
    texts, _ = select("<body><nav><a href=/>Accueil</a></nav></body>")
    assert sum(map(len, texts)) < 10


def test_the_trafilatura_mask_is_by_block_and_leaves_the_tree_alone() -> None:
    tree = document_fromstring(
        f"<body><nav><a href=/>Accueil</a></nav><article>{paragraphs(BODY)}</article></body>"
    )
    view = build_view(tree, read_head(tree, URL, {}), Rule())
    before = tree.text_content()
    mask = trafilatura_keep_mask(tree, URL, view.blocks)
    assert [block.text for block, keep in zip(view.blocks, mask, strict=True) if keep] == BODY
    assert tree.text_content() == before
    assert count_chars(view.blocks) > sum(map(len, BODY))
