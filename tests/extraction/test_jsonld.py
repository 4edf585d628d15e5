"""JSON-LD: nodes, the node that is the story, and the reading of broken JSON."""

import json
from contextlib import suppress
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml.html import HtmlElement, document_fromstring

from newscrawl.extraction.jsonld import (
    MAX_CHARS,
    MAX_SCRIPT_CHARS,
    UnreadableJsonError,
    find_story_node,
    first_text,
    node_types,
    parse_lenient_json,
    read_nodes,
    resolve_nodes,
    string_values,
)

URL = "https://journal.example/2025/a"


def scripts(*texts: str) -> list[HtmlElement]:
    tags = "".join(f'<script type="application/ld+json">{text}</script>' for text in texts)
    return list(document_fromstring(f"<html><head>{tags}</head><body><p>x</p></body></html>").iter("script"))


def story(*values: Any) -> dict[str, Any]:
    return find_story_node(read_nodes(scripts(*(json.dumps(value) for value in values))), URL) or {}


def test_graphs_and_lists_are_flattened() -> None:
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
    node = find_story_node(read_nodes(scripts(script)), URL)
    assert node is not None
    assert (node["headline"], node["datePublished"]) == ("Titre", "2025-02-03")
    assert node["description"] == "Une phrase, sans guillemets."


def test_a_hopeless_script_does_not_hide_the_next() -> None:
    tree = scripts("[[[", "", '{"@type": "Article", "headline": "B"}')
    assert [node.get("headline") for node in read_nodes(tree) if node.get("headline")] == ["B"]


def test_comments_and_cdata_marks_around_a_script_are_removed() -> None:
    tree = scripts('//<![CDATA[\n{"@type": "Article", "headline": "C"}\n//]]>')
    assert (find_story_node(read_nodes(tree), URL) or {})["headline"] == "C"


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
    assert [node["name"] for node in resolve_nodes(nodes, nodes[1]["author"])] == ["Awa Ndiaye"]


def test_texts_become_plain_text() -> None:
    assert first_text("L&#8217;eau &lt;b&gt;monte&lt;/b&gt;") == "L’eau monte"
    assert first_text(["", "x"]) is None
    assert first_text({"a": 1}) is None
    assert string_values(["a", 1, "b"]) == ["a", "b"]


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
def test_markup_in_a_text_is_removed(value: str, plain: str | None) -> None:
    assert first_text(value) == plain


def test_scripts_beyond_the_bound_of_a_page_are_left_out() -> None:
    large = json.dumps({"@type": "Thing", "x": "y" * (MAX_CHARS // 2 - 100)})
    names = [node.get("@type") for node in read_nodes(scripts(large, large, large, '{"@type": "A"}'))]
    assert names == ["Thing", "Thing", "A"]
    assert read_nodes(scripts(json.dumps({"x": "y" * MAX_SCRIPT_CHARS}))) == []


@pytest.mark.parametrize("gap", ["-->" + " " * 400_000 + "x", "// " * 150_000, "/* ]]> " * 60_000])
def test_marks_around_a_script_are_found_in_time(gap: str) -> None:
    began = process_time()
    read_nodes(scripts('{"@type": "A"} ' + gap))
    assert process_time() - began < 1


def test_types_have_no_case_and_no_address() -> None:
    assert node_types({"@type": ["https://schema.org/NewsArticle"]}) == {"newsarticle"}


def test_a_deep_graph_is_cut() -> None:
    script = '{"@graph": [' * 500 + '{"@type": "Article"}' + "]}" * 500
    assert find_story_node(read_nodes(scripts(script)), URL) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1, 2.5, true, null, "x"]}', {"a": [1, 2.5, True, None, "x"]}),
        ('{"a": "un",}', {"a": "un"}),
        ('{"a": "line\none"}', {"a": "line\none"}),
        ('{"text": A story, told bare., "name": "Kato"}', {"text": "A story, told bare.", "name": "Kato"}),
        ('{"a": "il dit "non" et part", "b": "x"}', {"a": 'il dit "non" et part', "b": "x"}),
        ('{"a": , "b": "x"}', {"a": None, "b": "x"}),
        ('{"a": {"b": bare words}, "c": "d"}', {"a": {"b": "bare words"}, "c": "d"}),
        ('{"a": ["x", "y",], "b": "c', {"a": ["x", "y"], "b": "c"}),
        (r'{"a": "caf\u00e9 \ud83d\ude00", }', {"a": "café 😀"}),
    ],
)  # fmt: skip
def test_common_faults_are_read_leniently(text: str, value: Any) -> None:
    assert parse_lenient_json(text) == value


@pytest.mark.parametrize("text", [r'{"a": "x\ud83d"}', r'{"a": "x\ude00", }', r'{"a": "x\ud83d\ud83d"}'])
def test_half_a_surrogate_pair_is_dropped(text: str) -> None:
    assert parse_lenient_json(text) == {"a": "x"}


@pytest.mark.parametrize(
    "text",
    [
        "[" + ('"x"' + " " * 4_998) * 100,
        "[" + ("1.5" + " " * 4_998) * 100,
        "[" + ("x" + " " * 4_998) * 100,
        '{"a": ' + ("true" + " " * 4_998) * 100,
        "[" + '," ' * 160_000,
    ],
    ids=["strings", "numbers", "bare", "words", "commas"],
)
def test_long_white_space_costs_no_more_than_its_length(text: str) -> None:
    began = process_time()
    with suppress(UnreadableJsonError):
        parse_lenient_json(text)
    assert process_time() - began < 1


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(UnreadableJsonError):
        parse_lenient_json("[" * 200 + "x")


@given(st.text(alphabet='{}[]":,\\ax1 \n', max_size=200))
def test_any_text_ends_in_a_value_or_is_refused(text: str) -> None:
    try:
        value = parse_lenient_json(text)
    except UnreadableJsonError:
        return
    assert value is None or isinstance(value, dict | list | str | int | float)


@pytest.mark.parametrize(
    "text",
    [
        '<!-- made by a plugin -->\n{"@type": "Report"}',
        '/* theme */ {"@type": "Report"}',
        '// theme\n{"@type": "Report"}',
        '<!-- a --> /* b */ {"@type": "Report"}',
        '<!-- {"@type": "Report"} -->',
        '{"@type": /* the type */ "Report"}',
        '{"@type": "Report", // the end\n}',
    ],
)
def test_comments_around_and_within_json_are_skipped(text: str) -> None:
    assert [node_types(node) for node in read_nodes(scripts(text))] == [{"report"}]


@pytest.mark.parametrize("between", ["", "\n", ",", ";\n", " , "])
def test_several_objects_in_a_script_are_all_read(between: str) -> None:
    text = '{"@type": "WebSite", "url": "https://a.example"}' + between + '{"@type": "Report"}'
    assert [node_types(node) for node in read_nodes(scripts(text))] == [{"website"}, {"report"}]


def test_text_escaped_twice_is_resolved() -> None:
    assert first_text("O&amp;#039;Neil &amp; Sons") == "O'Neil & Sons"
    assert first_text("R&amp;D") == "R&D"
