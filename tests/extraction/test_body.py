"""Which blocks are the story."""

from lxml.html import HtmlElement, document_fromstring

from newscrawl.extraction.body import Story, chars_of, opinion_of, story_of
from newscrawl.extraction.head import head_of
from newscrawl.extraction.source import Source
from newscrawl.extraction.view import view_of
from newscrawl.outlet import Rule

URL = "https://echo.example/a"
BODY = [f"Le paragraphe {n} du récit dit ce qui se passa ensuite au village, et pourquoi." for n in range(6)]


def told(html: str, rule: Rule | None = None) -> tuple[list[str], Story]:
    tree: HtmlElement = document_fromstring(html)
    head, rule = head_of(tree, URL, {}), rule or Rule()
    view = view_of(tree, head, rule)
    source = Source(
        url=URL,
        headers={},
        fetched=None,
        outlet=None,
        rule=rule,
        link=None,
        status=None,
        judge=None,
        memory=None,
    )
    story = story_of(source, tree, head, view)
    kept = [block.text for block, one in zip(view.blocks, story.kept, strict=True) if one]
    return kept, story


def paragraphs(lines: list[str]) -> str:
    return "".join(f"<p>{line}</p>" for line in lines)


def test_several_containers_are_read_in_order_and_nested_ones_once() -> None:
    html = "<div class=s><p>Un.</p><div class=s><p>Deux.</p></div></div><p>Hors.</p><div class=s>Trois.</div>"
    kept, story = told(f"<body>{html}</body>", Rule(body="div.s"))
    assert kept == ["Un.", "Deux.", "Trois."]
    assert (story.confidence, story.asked) == (1.0, False)


def test_the_judge_finds_a_story_among_menus() -> None:
    menu = "".join(f"<li><a href=/{n}>Rubrique {n}</a></li>" for n in range(9))
    html = f"<body><nav><ul>{menu}</ul></nav><article><h1>Le titre</h1>{paragraphs(BODY)}</article></body>"
    assert [text for text in told(html)[0] if text in BODY] == BODY
    assert not any(text.startswith("Rubrique") for text in told(html)[0])


def test_the_judge_is_the_same_each_time() -> None:
    html = f"<body><article>{paragraphs(BODY)}</article><footer>Mentions légales</footer></body>"
    assert told(html)[1] == told(html)[1]


def test_a_page_without_a_story_gives_next_to_nothing() -> None:
    kept, _ = told("<body><nav><a href=/>Accueil</a></nav></body>")
    assert sum(map(len, kept)) < 10


def test_the_second_opinion_is_of_blocks_and_leaves_the_tree_alone() -> None:
    tree = document_fromstring(
        f"<body><nav><a href=/>Accueil</a></nav><article>{paragraphs(BODY)}</article></body>"
    )
    view = view_of(tree, head_of(tree, URL, {}), Rule())
    before = tree.text_content()
    opinion = opinion_of(tree, URL, view.blocks)
    assert [block.text for block, one in zip(view.blocks, opinion, strict=True) if one] == BODY
    assert tree.text_content() == before
    assert chars_of(view.blocks) > sum(map(len, BODY))
