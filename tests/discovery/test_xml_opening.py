"""How documents begin: roots found, declarations passed, harm noticed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newscrawl.discovery.xml import opening_of

WANTED = frozenset({"rss", "feed", "rdf"})


@pytest.mark.parametrize(
    ("text", "root"),
    [
        ("<rss>", "rss"),
        ("\ufeff\n <?xml version='1.0'?><!-- <feed> --><rdf:RDF xmlns='x'>", "rdf"),
        ("<!DOCTYPE rss PUBLIC '-//x>' 'y'><rss version='2'>", "rss"),
        ("<!DOCTYPE rss [<!-- it's > ] --><!ENTITY a 'b>'>]><rss>", "rss"),
        ("Notice: x\n<feed>", "feed"),
        ("<html><rss>", "html"),
        ("<!doctype HTML><div>", "html"),
        ("<p>gone</p>", "html"),
        ("<opml>", "opml"),
        ("text", ""),
        ("", ""),
        ("<?xml", ""),
        ("<!-- open", ""),
    ],
)
def test_the_root_is_found_behind_what_leads_to_it(text: str, root: str) -> None:
    assert opening_of(text, WANTED).root == root


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE a [<!ENTITY a "x"><!ENTITY b "&a;&a;">]>',
        "<!doctype a [<!entity b '&b;'>]>",
        '<!DOCTYPE a [<!ENTITY % p "%q;">]>',
        f'<!DOCTYPE a [<!ENTITY a "{"x" * 2000}">]>',
        "<!DOCTYPE a [" + " " * 20_000 + "]>",
        "<!DOCTYPE a [" + "<!--" * 10_000,
    ],
)
def test_entities_made_of_others_and_endless_declarations_are_bombs(doctype: str) -> None:
    assert opening_of(doctype + "<rss>", WANTED).is_bomb


def test_harmless_entities_are_no_bomb() -> None:
    opening = opening_of('<!DOCTYPE rss [<!ENTITY eacute "&#233;"><!ENTITY b "B">]><rss>', WANTED)
    assert (opening.is_bomb, opening.root) == (False, "rss")


@given(
    st.lists(
        st.sampled_from(["<?", "?>", "<!--", "-->", "<!DOCTYPE", "[", "]", ">", "'", '"', "<rss>", "a", " "])
    )
)
def test_any_text_has_an_opening_inside_it(parts: list[str]) -> None:
    text = "".join(parts)
    opening = opening_of(text, WANTED)
    assert 0 <= opening.at <= len(text)
    assert opening.root != "rss" or text[opening.at :].startswith("<rss")
