"""JSON-LD nodes and the one that is the story."""

import json
from time import process_time
from typing import Any

import pytest
from lxml.html import HtmlElement, document_fromstring

from newscrawl.extraction.jsonld import (
    MAX_CHARS,
    MAX_SCRIPT_CHARS,
    linked,
    nodes_of,
    story_of,
    strings,
    text,
    types_of,
)

URL = "https://journal.example/2025/a"


def scripts(*texts: str) -> list[HtmlElement]:
    tags = "".join(f'<script type="application/ld+json">{text}</script>' for text in texts)
    return list(document_fromstring(f"<html><head>{tags}</head><body><p>x</p></body></html>").iter("script"))


def story(*values: Any) -> dict[str, Any]:
    return story_of(nodes_of(scripts(*(json.dumps(value) for value in values))), URL) or {}


def test_graphs_and_lists_are_opened() -> None:
    graph = {
        "@context": "x",
        "@graph": [{"@type": "WebPage"}, {"@type": ["Thing", "NewsArticle"], "headline": "H"}],
    }
    assert story(graph)["headline"] == "H"
    assert story([{"@type": "http://schema.org/NewsArticle", "headline": "L"}])["headline"] == "L"


def test_a_broken_script_still_gives_its_other_fields() -> None:
    script = (
        '{"@type": "NewsArticle", "headline": "Titre", "description": Une phrase, sans guillemets.,'
        ' "datePublished": "2025-02-03"}'
    )
    node = story_of(nodes_of(scripts(script)), URL)
    assert node is not None
    assert (node["headline"], node["datePublished"]) == ("Titre", "2025-02-03")
    assert node["description"] == "Une phrase, sans guillemets."


def test_a_hopeless_script_does_not_hide_the_next() -> None:
    tree = scripts("[[[", "", '{"@type": "Article", "headline": "B"}')
    assert [node.get("headline") for node in nodes_of(tree) if node.get("headline")] == ["B"]


def test_comments_and_cdata_around_a_script_are_taken_off() -> None:
    tree = scripts('//<![CDATA[\n{"@type": "Article", "headline": "C"}\n//]]>')
    assert (story_of(nodes_of(tree), URL) or {})["headline"] == "C"


def test_the_node_that_names_this_page_is_preferred() -> None:
    other = {"@type": "NewsArticle", "headline": "other", "url": "https://journal.example/2025/b"}
    this = {"@type": "NewsArticle", "headline": "this", "mainEntityOfPage": {"@id": f"{URL}#main"}}
    assert story(other, this)["headline"] == "this"


def test_an_article_comes_before_a_video() -> None:
    assert (
        story({"@type": "VideoObject", "name": "v"}, {"@type": "Article", "headline": "a"})["headline"] == "a"
    )


def test_references_by_id_are_followed() -> None:
    nodes = [{"@id": "#p", "@type": "Person", "name": "Awa Ndiaye"}, {"author": {"@id": "#p"}}]
    assert [node["name"] for node in linked(nodes, nodes[1]["author"])] == ["Awa Ndiaye"]


def test_texts_are_plain() -> None:
    assert text("L&#8217;eau &lt;b&gt;monte&lt;/b&gt;") == "L’eau monte"
    assert text(["", "x"]) is None
    assert text({"a": 1}) is None
    assert strings(["a", 1, "b"]) == ["a", "b"]


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ("<html><frameset>", None),
        ("Le pont<frameset><frame src=x>", "Le pont"),
        ("<html><head><title>x</title></head><body><p>Le pont</p></body></html>", "Le pont"),
        ("</div>Le <b>pont</b></div>", "Le pont"),
        ("<br>" + "<div>" * 5_000, None),
        ("Le pont<br><p " + " ".join(f"a{at}=1" for at in range(50_000)) + ">", None),
    ],
)
def test_any_markup_in_a_text_is_taken_off(value: str, plain: str | None) -> None:
    assert text(value) == plain


def test_scripts_beyond_the_bound_of_a_page_are_left_out() -> None:
    large = json.dumps({"@type": "Thing", "x": "y" * (MAX_CHARS // 2 - 100)})
    names = [node.get("@type") for node in nodes_of(scripts(large, large, large, '{"@type": "A"}'))]
    assert names == ["Thing", "Thing", "A"]
    assert nodes_of(scripts(json.dumps({"x": "y" * MAX_SCRIPT_CHARS}))) == []


@pytest.mark.parametrize("gap", ["-->" + " " * 400_000 + "x", "// " * 150_000, "/* ]]> " * 60_000])
def test_marks_around_a_script_are_found_in_time(gap: str) -> None:
    began = process_time()
    nodes_of(scripts('{"@type": "A"} ' + gap))
    assert process_time() - began < 1


def test_types_have_no_case_and_no_address() -> None:
    assert types_of({"@type": ["https://schema.org/NewsArticle"]}) == {"newsarticle"}


def test_a_deep_graph_is_cut() -> None:
    script = '{"@graph": [' * 500 + '{"@type": "Article"}' + "]}" * 500
    assert story_of(nodes_of(scripts(script)), URL) is None
