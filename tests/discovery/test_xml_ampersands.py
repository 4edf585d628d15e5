"""Ampersands made fit for XML."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from newscrawl.discovery.xml import mended_ampersands


@pytest.mark.parametrize(
    ("text", "mended"),
    [
        ("a & b", "a &amp; b"),
        ("?a=1&b=2&copy=3", "?a=1&amp;b=2&amp;copy=3"),
        ("&amp; &lt; &#233; &#xE9;", "&amp; &lt; &#233; &#xE9;"),
        ("&eacute;&nosuch;", "é&amp;nosuch;"),
        ("&<![CDATA[a & b &eacute;]]>&", "&amp;<![CDATA[a & b &eacute;]]>&amp;"),
        ("<![CDATA[ open &", "<![CDATA[ open &amp;"),
    ],
)
def test_only_ampersands_outside_cdata_change(text: str, mended: str) -> None:
    assert mended_ampersands(text) == mended


@given(st.text(alphabet="&;#xaé1 amplt"))
def test_what_is_mended_has_no_undefined_entity(text: str) -> None:
    parser = etree.XMLParser(recover=True)
    etree.fromstring(f"<a>{mended_ampersands(text)}</a>", parser)
    assert not any("Entity" in entry.message for entry in parser.error_log)
