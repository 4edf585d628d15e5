"""Encodings: what bytes are in, never what a stranger's codec name makes Python do."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newscrawl.discovery.xml import encoding_of


@pytest.mark.parametrize(
    "name", ["punycode", "idna", "unicode_escape", "rot13", "zlib", "utf-7", "undefined", "no-such"]
)
def test_codecs_that_are_no_encodings_of_the_web_are_never_used(name: str) -> None:
    body = f'<?xml version="1.0" encoding="{name}"?><rss>é</rss>'.encode("cp1252")
    assert encoding_of(body, f"text/xml; charset={name}").name == "cp1252"


def test_latin_1_is_read_as_its_windows_superset() -> None:
    body = '<?xml version="1.0" encoding="ISO-8859-1"?><rss>« l’été »</rss>'.encode("cp1252")
    encoding = encoding_of(body)
    assert body.decode(encoding.name).endswith("« l’été »</rss>")
    assert encoding.note is None


def test_a_wrong_declaration_is_remarked_where_it_matters() -> None:
    prolog = '<?xml version="1.0" encoding="ISO-8859-1"?>'
    assert encoding_of(prolog.encode()).note is None
    assert encoding_of(f"{prolog}<a>é</a>".encode()).note == "declared cp1252, read as utf-8"


def test_a_sample_may_end_inside_a_character() -> None:
    assert encoding_of("été".encode()[:-1]).name == "utf-8"


@given(st.binary(max_size=200), st.none() | st.text(max_size=60))
def test_any_bytes_have_an_encoding_that_decodes(body: bytes, content_type: str | None) -> None:
    name = encoding_of(body, content_type).name
    assert codecs.lookup(name).decode(body, "replace")[1] == len(body)
