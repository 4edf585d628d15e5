"""The compiled walks over a page give what their forms in Python give, element by element."""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from functools import cache
from itertools import islice
from pathlib import Path
from random import Random

import pytest
from compilers import require_compiled
from lxml import etree
from lxml.etree import Comment
from lxml.html import Element, HtmlElement, HTMLParser, document_fromstring

from newscrawl.cli.fixture import read_fixture
from newscrawl.demo.catalogue import demo_sites
from newscrawl.demo.http import Request
from newscrawl.extraction import landmarks
from newscrawl.extraction.blocks import (
    MAX_BLOCKS,
    Frame,
    OutlineBuilder,
    TextBlock,
    list_text_in_python,
    walk_outline_in_python,
)
from newscrawl.extraction.landmarks import PageLandmarks, find_landmarks
from newscrawl.extraction.normalize import normalize_spaces
from newscrawl.extraction.parse import ParsedPage, parse_page
from newscrawl.extraction.tree_repair import find_outermost_in_python

require_compiled("newscrawl.extraction.compiled_walk")
from newscrawl.extraction import compiled_walk  # noqa: E402 # where it is compiled

GOLDEN = Path(__file__).parents[1] / "golden"
MUTATED, PROOF_MUTATED = 300, 5_000
MUTATION_CHARS = 12_000
"Of a page that is changed at random: what is odd shows within them."
ODD = {
    "comments amid text": "<p>un <!-- a -->deux<!-- b --> trois</p>quatre<!-- c --><p><!-- d -->cinq</p>",
    "instructions": "<?php echo 1 ?><p>un <?xml x?>deux</p><?pi?>trois",
    "cdata": "<p>a<![CDATA[b <i>c</i>]]>d</p><p>\xe9<b>e</b><![CDATA[f]]></p><svg><![CDATA[e]]></svg>f",
    "entities": "<p>R&amp;D &nbsp; &#8217;a&unknown; &lt;b&gt; &#xa0;</p>&nbsp;<b>&nbsp;</b>&#x3000;",
    "custom elements": "<x-body><x-word>Un mot</x-word>, puis <x-more><p>deux</p></x-more></x-body><p>"
    "a<x-b>b</x-b> c</p><amp-img alt=x></amp-img>Tout <y-z>seul</y-z>.",
    "drawings and formulas": "<p>a<svg><title>t</title><text>n</text></svg>b<math><mi>x</mi></math>c</p>",
    "namespaces": '<o:p class="o">a</o:p><p xml:lang="fr" xlink:href="u">b</p><fb:like-box>c</fb:like-box>',
    "tables inside tables": "<table><tr><td>a<table><tr><td>b<td>c<tr><td>d<td>e</table><td>f</table>"
    "<table><caption>g</caption><tr><th>h<th>i<tr><td>j <a href=u>k</a><td></table>",
    "links": "<a>un<a href=u>deux<a name=n>trois<a id=i>quatre<a name='' id=''>cinq<a href>six<p>sept</a>"
    "<a rel=tag href=/t>t</a><a rel='Author' href=/p>u</a><a href='/auteur/x'>v</a><a href=/p?page=2>w</a>",
    "drop caps": '<p><span class="dropcap">L</span> a ville</p><p><b class="drop-cap">A</b> ville</p>'
    '<p class=lettrine>D</p><p>ouala</p><p><img alt=T>out <img alt=x>y<img alt="T"> Z</p>',
    "quotes": "<p>a <q>b</q> <q>“c”</q> <q></q><q>d <q>e</q></q></p><q class='sr-only'>f</q>g",
    "hidden parts": '<p class="sr-only">a</p><span hidden>b</span><div style="display:none">c<p>d</div>'
    '<span aria-hidden=true>→</span><i aria-hidden="true">e</i><span role=tooltip>f</span><b hidden=x>g</b>'
    '<div class="tooltip-text">h</div><span style="position:absolute;clip:rect(0,0,0,0)">i</span>',
    "buttons": "<p>Un <button>mot</button>, puis <button><p>rien</p></button> la <button>fin</button>.</p>",
    "breaks": "<p>Fin.<br>Suite<br>du vers<br><br>deux<b>gras</b><br><b>tout</b><br>\xa0\xa0Un<br>\u3000Deux"
    "</p><pre>a<br>b\n c<br> </pre><br><br>",
    "bold and links": "<b>a<strong>b</strong>c</b> d<p><b>e</b><b class=sr-only>f</b></p><b>g<p>h</b>",
    "kinds inside kinds": "<blockquote><h2>a<p>b</p></h2><ul><li><h3>c</h3><p>d</ul></blockquote>"
    "<figcaption><p>e<li>f</figcaption><li><blockquote>g</blockquote>h<pre><h1>i</h1>j</pre>",
    "attributes": "<p class id role='' hidden>a<p class='' id=date>b<p data-type='x\ty' itemprop=author>c"
    "<p class=byline style='visibility: hidden'>d<p CLASS=Date-Line data-testid=author>e",
    "labels": "<p>Tags:</p><li>Mots-clés <ul> Topics : <li>a</ul><b> sujets</b><span><!-- x -->Tags</span>",
    "head": "<meta name=author content=a><link rel=canonical href=u><time>b</time><figure>c</figure>"
    "<script type='application/ld+json'>{}</script><script>1</script><title>d</title>",
    "blank texts": "<p> \n\t</p> <p>\x1c\x1d</p>\x0b<b> </b>\x0c<p>\x85\u2003</p>\u2028<i>a</i> \u200b",
    "other scripts": "<p>東京<b>大阪</b>、京都</p><p>Привет, <i>мир</i></p><p>éa</p>é<p>🎉</p>",
    "a frameset": "<frameset><frame src=u><noframes><p>a</p></noframes></frameset>",
    "nothing": "",
    "many blocks": "<p>mot</p>" * (MAX_BLOCKS + 10_000),
    "deep elements": "<div>" * 3_000 + "bas" + "<b>" * 3_000 + "fin",
    "deep headings": "<blockquote>" + "<section><h2>a</h2>" * 800 + "<p>b",
}
SNIPPETS = (
    "<b>", "</b>", "<p>", "</div>", "<br>", "<!-- x -->", "<a href=/12>", "</a>", "<q>", "<x-y>", "</x-y>",
    "<table><tr><td>", "</table>", "<button>", "<svg>", "</svg>", " ", "\xa0", "<i class=sr-only>", "<pre>",
    '<i aria-hidden="true">', "<h2>", "<li>", "<blockquote>", "<img alt=A>", "<o:p>", "<![CDATA[x]]>",
    "<?pi?>", "<div hidden>", "<template>", "<time class=date>", "<p class=dropcap>L</p>", "&amp;", "a",
)  # fmt: skip
OUTERMOST = frozenset({"a", "button", "svg", "template", "p", "b", "x-y"})
LEFT_OBJECTS, LEFT_BYTES = 450, 1 << 20
"Less than one for two walks."
_TAG_END = re.compile(r"(?<=>)|(?=<)|(?<=\s)")
Outlined = tuple[list[TextBlock], list[Frame]]
Walk = Callable[..., None]


@cache
def saved_pages() -> list[tuple[str, bytes]]:
    """The golden pages and those of the demo."""
    golden = [(path.name, read_fixture(path).message.content) for path in sorted(GOLDEN.glob("*.warc.gz"))]
    demo = [
        (site.id + path, response.body)
        for site in demo_sites()
        for path in site.all_routes()
        if (response := site.respond(Request(method="GET", target=path, headers={"host": "localhost"}))).body
    ]
    return golden + demo


def trees(markup: str | bytes) -> Iterator[etree._Element]:
    """A page as the extractor parses it, with its comments, and as XML."""
    content = markup.encode("utf-8", "replace") if isinstance(markup, str) else markup
    page = parse_page(content, {"content-type": "text/html; charset=utf-8"})
    if isinstance(page, ParsedPage):
        yield page.tree
    for parser in (HTMLParser(encoding="utf-8", huge_tree=True), _xml_parser()):
        try:
            tree = etree.fromstring(b"<html>" + content + b"</html>", parser)
        except etree.XMLSyntaxError:
            continue
        if tree is not None and isinstance(tree.tag, str):
            yield tree


def _xml_parser() -> etree.XMLParser:
    return etree.XMLParser(recover=True, strip_cdata=False, huge_tree=True)


def outline(
    walk: Walk, tree: HtmlElement, also: Sequence[HtmlElement] = (), without: Sequence[HtmlElement] = ()
):
    builder = OutlineBuilder()
    walk(tree, builder, frozenset(also), frozenset(without))
    builder.end_block()
    return builder.blocks, builder.frames


def landmarks_by(find_candidates: Callable[..., object], tree: HtmlElement) -> PageLandmarks:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(landmarks, "find_candidates", find_candidates)
        return find_landmarks(tree)


def assert_same_walks(tree: HtmlElement, chance: Random) -> None:
    """Each walk gives the same in both forms: from the root, and from an element with exceptions."""
    elements = list(tree.iter(etree.Element))
    inner = chance.choice(elements)
    chosen = chance.sample(elements, min(3, len(elements)))
    assert_same_outline(tree)
    assert_same_outline(inner, also=chosen, without=chance.sample(elements, min(2, len(elements))))
    for root in (tree, inner):
        by_python = landmarks_by(landmarks.find_candidates_in_python, root)
        compiled = landmarks_by(compiled_walk.find_candidates, root)
        for field in fields(PageLandmarks):
            assert getattr(compiled, field.name) == getattr(by_python, field.name), field.name
        sizes = sorted({len("".join(element.itertext(etree.Element))) for element in chosen})
        for least in (0, *sizes, *(size + 1 for size in sizes)):
            by_python = find_outermost_in_python(root, OUTERMOST, least)
            assert compiled_walk.find_outermost(root, OUTERMOST, least) == by_python
    for element in [tree, inner, *chosen]:
        compiled_text, text = (
            normalize_spaces("".join(read(element)))
            for read in (compiled_walk.list_text, list_text_in_python)
        )
        assert compiled_text == text


def assert_same_outline(tree: HtmlElement, **chosen: Sequence[HtmlElement]) -> None:
    blocks, frames = outline(walk_outline_in_python, tree, **chosen)
    compiled_blocks, compiled_frames = outline(compiled_walk.walk_outline, tree, **chosen)
    assert len(compiled_frames) == len(frames)
    for one, other in zip(compiled_frames, frames, strict=True):
        assert one.element is other.element
        assert _values(one) == _values(other)
    assert [_values(block) for block in compiled_blocks] == [_values(block) for block in blocks]


def _values(found: TextBlock | Frame) -> list[object]:
    """The values of all fields, with frames by their index."""
    values = (getattr(found, field.name) for field in fields(found))
    return [value.index if isinstance(value, Frame) else value for value in values]


@pytest.mark.parametrize("name", ODD)
def test_odd_pages(name: str) -> None:
    found = list(trees(f"<body>{ODD[name]}</body>"))
    assert found
    for tree in found[: 1 if name == "many blocks" else None]:
        assert_same_walks(tree, Random(name))


def test_saved_pages() -> None:
    assert len(saved_pages()) > 60
    for name, content in saved_pages():
        for tree in islice(trees(content), 2):
            assert_same_walks(tree, Random(name))


@pytest.mark.parametrize("count", [MUTATED, pytest.param(PROOF_MUTATED, marks=pytest.mark.proof)])
def test_pages_changed_at_random(count: int) -> None:
    chance = Random(20260305)
    markups = [ODD[name] for name in ODD if len(ODD[name]) < MUTATION_CHARS]
    markups += [content.decode("utf-8", "replace") for _, content in saved_pages()]
    compared = 0
    for _ in range(count):
        for tree in trees(mutate(chance.choice(markups), chance)):
            assert_same_walks(tree, chance)
            compared += 1
    assert compared > 1.5 * count


def mutate(markup: str, chance: Random) -> str:
    """A part of a page in which tags are added, taken away, moved and left open."""
    start = chance.randrange(max(1, len(markup) - MUTATION_CHARS))
    parts = [part for part in _TAG_END.split(markup[start : start + MUTATION_CHARS]) if part]
    for _ in range(chance.randint(1, 30)):
        at = chance.randrange(len(parts) + 1)
        match chance.randrange(4):
            case 0:
                del parts[at : at + chance.randint(1, 3)]
            case 1 if parts:
                parts.insert(at, chance.choice(parts))
            case _:
                parts.insert(at, chance.choice(SNIPPETS))
    return "".join(parts)


@pytest.mark.parametrize("is_held", [False, True], ids=["no other references", "all elements referred to"])
def test_elements_are_those_that_others_refer_to_and_outlive_the_tree(is_held: bool) -> None:
    tree = document_fromstring(f"<body><section>{ODD['kinds inside kinds']}</section></body>")
    held = list(tree.iter()) if is_held else []
    blocks, frames = outline(compiled_walk.walk_outline, tree)
    if is_held:
        assert {id(frame.element) for frame in frames} <= set(map(id, held))
    del tree, held
    assert blocks[0].element.getparent().getparent().tag == "section"
    assert all(frame.element.tag == frame.tag for frame in frames)


def test_parts_of_a_tree_and_parts_of_others() -> None:
    tree = document_fromstring("<body><p>a</p>b</body>")
    foreign = Element("x-part")
    foreign.text, foreign.tail = "c", "d"
    tree.find(".//p").append(foreign)
    loose = Element("div")
    loose.text = "e"
    for root in (tree, foreign, loose, tree.find(".//p")):
        assert_same_walks(root, Random(1))


def test_walks_leave_nothing_behind() -> None:
    content = "".join(ODD[name] for name in ODD if len(ODD[name]) < 2_000)
    held = [document_fromstring(content)]
    sizes = []
    for times in (200, 900, 900):
        for _ in range(times):
            tree = document_fromstring(content)
            outline(compiled_walk.walk_outline, tree)
            compiled_walk.find_candidates(tree)
            compiled_walk.list_text(tree)
            compiled_walk.find_outermost(tree, OUTERMOST, 0)
            held[0] = tree
        gc.collect()
        sizes.append((sys.getallocatedblocks(), resident_bytes()))
    assert sizes[2][0] - sizes[1][0] < LEFT_OBJECTS
    assert sizes[2][1] - sizes[1][1] < LEFT_BYTES


def resident_bytes() -> int:
    """Of this process; 0 where the system does not tell."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[1]) * 4096 if statm.exists() else 0


def test_what_is_no_element_is_refused() -> None:
    walks = (
        lambda root: outline(compiled_walk.walk_outline, root),
        compiled_walk.list_text,
        compiled_walk.find_candidates,
        lambda root: compiled_walk.find_outermost(root, OUTERMOST, 0),
    )
    for root in (None, "p", etree.ElementTree(), Comment("a")):
        for walk in walks:
            with pytest.raises((TypeError, ValueError)):
                walk(root)
