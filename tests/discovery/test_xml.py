"""Reading XML from the wild: gzip, encodings, ampersands, and how a document begins."""

from __future__ import annotations

import codecs
import gzip
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from newscrawl.discovery.xml import GunzipResult, detect_encoding, escape_ampersands, gunzip, sniff_root


def test_what_is_not_zipped_stays_as_it_is() -> None:
    assert gunzip(b"abc", 3) == GunzipResult(data=b"abc")
    assert gunzip(b"abcd", 3) == GunzipResult(data=b"abc", fault="too_large")


def test_honest_data_beyond_the_limit_is_too_large_and_zeros_are_a_bomb() -> None:
    honest = random.Random(1).randbytes(5000)
    assert gunzip(gzip.compress(honest), 4000) == GunzipResult(data=honest[:4000], fault="too_large")
    assert gunzip(gzip.compress(bytes(10_000_000)), 1_000_000).fault == "bomb"


def test_a_bomb_is_told_by_what_was_read_of_it_however_much_follows() -> None:
    body = gzip.compress(bytes(10_000_000)) + bytes(100_000)
    assert gunzip(body, 1_000_000).fault == "bomb"


def test_members_by_the_thousand_are_read() -> None:
    assert gunzip(gzip.compress(b"x") * 5000, 1_000_000) == GunzipResult(data=b"x" * 5000)


def test_what_follows_the_last_member_is_left() -> None:
    assert gunzip(gzip.compress(b"abc") + b"junk", 100) == GunzipResult(data=b"abc")


@given(st.binary(max_size=300), st.integers(1, 400))
def test_round_trip(data: bytes, limit: int) -> None:
    assert gunzip(gzip.compress(data), limit).data == data[:limit]


@given(st.binary(max_size=100), st.integers(1, 50))
def test_any_bytes_stay_within_the_limit(data: bytes, limit: int) -> None:
    assert len(gunzip(b"\x1f\x8b" + data, limit).data) <= limit


@pytest.mark.parametrize(
    "name", ["punycode", "idna", "unicode_escape", "rot13", "zlib", "utf-7", "undefined", "no-such"]
)
def test_codecs_that_are_no_encodings_of_the_web_are_never_used(name: str) -> None:
    body = f'<?xml version="1.0" encoding="{name}"?><rss>é</rss>'.encode("cp1252")
    assert detect_encoding(body, f"text/xml; charset={name}").name == "windows-1252"


def test_latin_1_is_read_as_its_windows_superset() -> None:
    body = '<?xml version="1.0" encoding="ISO-8859-1"?><rss>« l’été »</rss>'.encode("cp1252")
    encoding = detect_encoding(body)
    assert body.decode(encoding.name).endswith("« l’été »</rss>")
    assert encoding.note is None


def test_a_wrong_declaration_is_remarked_where_it_matters() -> None:
    prolog = '<?xml version="1.0" encoding="ISO-8859-1"?>'
    assert detect_encoding(prolog.encode()).note is None
    assert detect_encoding(f"{prolog}<a>é</a>".encode()).note == "declared windows-1252, read as utf-8"


def test_a_sample_may_end_inside_a_character() -> None:
    assert detect_encoding("été".encode()[:-1]).name == "utf-8"


@given(st.binary(max_size=200), st.none() | st.text(max_size=60))
def test_any_bytes_have_an_encoding_that_decodes(body: bytes, content_type: str | None) -> None:
    name = detect_encoding(body, content_type).name
    assert codecs.lookup(name).decode(body, "replace")[1] == len(body)


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
    assert escape_ampersands(text) == mended


@given(st.text(alphabet="&;#xaé1 amplt"))
def test_what_is_mended_has_no_undefined_entity(text: str) -> None:
    parser = etree.XMLParser(recover=True)
    etree.fromstring(f"<a>{escape_ampersands(text)}</a>", parser)
    assert not any("Entity" in entry.message for entry in parser.error_log)


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
    assert sniff_root(text, WANTED).root == root


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
    assert sniff_root(doctype + "<rss>", WANTED).is_bomb


def test_harmless_entities_are_no_bomb() -> None:
    opening = sniff_root('<!DOCTYPE rss [<!ENTITY eacute "&#233;"><!ENTITY b "B">]><rss>', WANTED)
    assert (opening.is_bomb, opening.root) == (False, "rss")


@given(
    st.lists(
        st.sampled_from(["<?", "?>", "<!--", "-->", "<!DOCTYPE", "[", "]", ">", "'", '"', "<rss>", "a", " "])
    )
)
def test_any_text_has_an_opening_inside_it(parts: list[str]) -> None:
    text = "".join(parts)
    opening = sniff_root(text, WANTED)
    assert 0 <= opening.at <= len(text)
    assert opening.root != "rss" or text[opening.at :].startswith("<rss")
