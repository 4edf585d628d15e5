"""Parsing of bytes: encodings, limits, and responses that are not pages."""

import pytest

from newscrawl.extraction.blocks import inner_text
from newscrawl.extraction.parse import (
    MAX_ATTRIBUTES,
    MAX_BYTES,
    MAX_ELEMENTS,
    MAX_TAGS,
    ParsedPage,
    RejectReason,
    count_attributes,
    decode_html,
    find_header,
    parse_page,
)

FRENCH = "<html><body><p>L’été à Bafoussam</p></body></html>"


def parsed(html: bytes, content_type: str | None = None) -> ParsedPage:
    found = parse_page(html, {"Content-Type": content_type} if content_type else {})
    assert isinstance(found, ParsedPage)
    return found


def reject_reason(html: bytes, content_type: str = "text/html") -> str:
    found = parse_page(html, {"content-type": content_type})
    assert isinstance(found, RejectReason)
    return found.reason


def test_header_names_have_no_case() -> None:
    assert find_header({"CONTENT-type": "a"}, "content-type") == "a"
    assert find_header({}, "content-type") is None


@pytest.mark.parametrize(
    ("body", "content_type", "charset", "guessed"),
    [
        (FRENCH.encode(), "text/html; charset=utf-8", "utf-8", False),
        (FRENCH.encode(), None, "utf-8", True),
        (b"\xef\xbb\xbf" + FRENCH.encode(), "text/html; charset=iso-8859-1", "utf-8", False),
        (b"\xff\xfe" + FRENCH.encode("utf-16-le"), None, "utf-16-le", False),
        (b"\xfe\xff" + FRENCH.encode("utf-16-be"), None, "utf-16-be", False),
        (FRENCH.encode("cp1252"), "text/html; charset=ISO-8859-1", "windows-1252", False),
        (b'<meta charset="latin1">' + FRENCH.encode("cp1252"), None, "windows-1252", False),
        (FRENCH.encode("cp1252"), None, "windows-1252", True),
        (FRENCH.encode("cp1252"), "text/html; charset=utf-8", "windows-1252", True),
        (FRENCH.encode("cp1252"), "text/html; charset=base64", "windows-1252", True),
        (b'<meta charset="utf-16">' + FRENCH.encode(), None, "utf-8", False),
    ],
)
def test_the_text_is_read_whatever_was_declared(
    body: bytes, content_type: str | None, charset: str, guessed: bool
) -> None:
    text, used, guess = decode_html(body, content_type)
    assert "L’été à Bafoussam" in text
    assert (used, guess) == (charset, guessed)


def test_utf8_with_a_wrong_label_is_still_utf8_and_counts_as_a_guess() -> None:
    text, used, guessed = decode_html(FRENCH.encode(), "text/html; charset=iso-8859-1")
    assert ("été" in text, used, guessed) == (True, "utf-8", True)


def test_a_single_bad_byte_does_not_change_the_encoding() -> None:
    text, used, _ = decode_html(("é" * 50).encode() + b"\xff" + b"<p>", "text/html; charset=utf-8")
    assert used == "utf-8"
    assert text.count("é") == 50


def test_an_encoding_of_another_script_is_used() -> None:
    text, used, guessed = decode_html("<p>Новости дня</p>".encode("koi8-r"), "text/html; charset=koi8-r")
    assert ("Новости" in text, used, guessed) == (True, "koi8-r", False)


@pytest.mark.parametrize(
    ("label", "codec", "charset", "text"),
    [
        ("gb2312", "gb18030", "gb18030", "市长在桥头讲话，喆叔和镕姐都来了"),
        ("GBK", "gb18030", "gb18030", "河上的渡船㐂今天停开"),
        ("x-gbk", "gbk", "gb18030", "鎔鑄新橋"),
        ("euc-kr", "cp949", "cp949", "다리 위에서 뷁 하는 소리가 났다"),
        ("ks_c_5601-1987", "cp949", "cp949", "똠방각하"),
        ("Shift_JIS", "cp932", "cp932", "橋は①月㈱髙橋組が架ける"),
        ("shift-jis", "cp932", "cp932", "舟は№5"),
        ("sjis", "cp932", "cp932", "①"),
        ("x-sjis", "cp932", "cp932", "髙"),
        ("windows-31j", "cp932", "cp932", "㈱"),
        ("big5", "big5hkscs", "big5hkscs", "渡船嘅船夫喺橋邊"),
        ("iso-8859-9", "cp1254", "windows-1254", "“Köprü” — ığdır’da şenlik"),
        ("iso-8859-11", "cp874", "cp874", "สะพาน “ใหม่” เปิดแล้ว…"),
        ("tis-620", "cp874", "cp874", "เรือข้ามฟาก–ท่าน้ำ"),
        ("windows-874", "cp874", "cp874", "แม่น้ำ"),
    ],
)
def test_a_label_has_its_meaning_on_the_web(label: str, codec: str, charset: str, text: str) -> None:
    body = f"<html><body><p>{text}</p></body></html>".encode(codec)
    assert decode_html(body, f"text/html; charset={label}") == (
        f"<html><body><p>{text}</p></body></html>",
        charset,
        False,
    )
    in_meta = f'<meta charset="{label}">'.encode() + body
    assert text in decode_html(in_meta)[0]


@pytest.mark.parametrize("label", ["utf-7", "base64", "punycode", "rot13", "x-nothing"])
def test_codecs_that_are_not_web_encodings_are_not_used(label: str) -> None:
    assert decode_html(b"<p>caf\xe9", f"text/html; charset={label}") == ("<p>café", "windows-1252", True)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b" \n\t\x00", "empty"),
        (b"x" * (MAX_BYTES + 1), "too_large"),
        (b"<br>" * (MAX_ELEMENTS + 1), "too_large"),
        (b"<!-->" * (MAX_TAGS + 1) + b"<p>text", "too_large"),
        (b"<p><img " + b" ".join(b"a%d=1" % at for at in range(MAX_ATTRIBUTES + 1)) + b">", "too_large"),
        (b"<html><body>" + b"<div>" * 3_000 + b"deep", "too_deep"),
        (b"%PDF-1.7 <p>", "binary"),
        (b"\x89PNG\r\n\x1a\n", "binary"),
        (bytes(range(32)) * 40, "binary"),
        (b"just some words", "not_html"),
        (b'<?xml version="1.0"?><rss version="2.0"></rss>', "not_html"),
        (b"<urlset></urlset>", "not_html"),
    ],
)
def test_other_formats_are_rejected_with_their_reason(body: bytes, reason: str) -> None:
    assert reject_reason(body) == reason


@pytest.mark.parametrize(
    "content_type", ["application/pdf", "image/png", "video/mp4", "application/json", "text/css"]
)
def test_other_content_types_are_no_pages(content_type: str) -> None:
    assert reject_reason(b"{}", content_type) == "not_html"


def test_html_sent_as_plain_text_is_read() -> None:
    assert parsed(b"<html><p>Bonjour</p>", "text/plain").tree.text_content().strip() == "Bonjour"


def test_nul_bytes_in_a_page_are_ignored() -> None:
    assert "Bonjour" in parsed(b"<html><p>Bon\x00jour</p></html>").tree.text_content()


def test_an_xml_declaration_with_an_encoding_is_no_obstacle() -> None:
    body = b'<?xml version="1.0" encoding="iso-8859-1"?><html><body><p>\xe9t\xe9</p></body></html>'
    assert "été" in parsed(body).tree.text_content()


@pytest.mark.parametrize(("depth", "cut"), [(300, False), (2_000, False), (2_100, True), (10_000, True)])
def test_content_below_the_deepest_level_is_cut_and_flagged(depth: int, cut: bool) -> None:
    found = parsed(b"<html><body><p>top</p>" + b"<div>" * depth + b"deep" + b"</div>" * depth + b"<p>after")
    text = found.tree.text_content()
    assert "top" in text
    assert found.is_truncated is cut
    assert ("deep" in text, "after" in text) == (not cut, not cut)


def test_markup_errors_alone_do_not_flag_a_page_as_cut() -> None:
    assert not parsed(b"<html><body>" + b"<p></div><foo></b>mot</p>" * 500).is_truncated


@pytest.mark.parametrize(
    ("tag", "most"),
    [
        ("<p class='a b' id=x hidden>", 0),
        ("<p " + " ".join(f"a{at}" for at in range(6_000)) + ">", 6_000),
        ("<p " + " ".join(f"a{at}='>' b{at}" for at in range(4_500)) + ">", 9_000),
        ("<div data-state='" + 'mot et "mot" ' * 9_000 + "'>", 1),
        ("<p>" + "mot et mot " * 9_000, 0),
        ("<script>" + "if (a < b) { c = 1 } " * 9_000 + "</script>", 0),
    ],
)  # fmt: skip
def test_attributes_of_a_long_tag_are_counted_and_text_is_not(tag: str, most: int) -> None:
    assert count_attributes(f"<html><body>{tag}") == pytest.approx(most, abs=2)


CHINESE = "学生们已经在海滩上庆祝了夏天的开始，家长们都很高兴。"


@pytest.mark.parametrize(
    ("body", "content_type", "text", "charset", "guessed"),
    [
        # The server's default says UTF-8, the page itself is right.
        (
            f'<meta charset="gbk"><p>{CHINESE}'.encode("gbk"),
            "text/html; charset=UTF-8",
            CHINESE,
            "gb18030",
            False,
        ),
        (
            b"<style>" + b"p {} " * 2_000 + f'</style><meta charset="gb2312"><p>{CHINESE}'.encode("gbk"),
            None,
            CHINESE,
            "gb18030",
            False,
        ),
        (("<p>été " * 40).encode() + b"\xe9<p>", None, "été", "utf-8", True),
        ('<html lang="tr"><p>Öğrenciler kışın çalıştı'.encode("cp1254"), None, "kışın", "windows-1254", True),
        ("<p>dÃ©jÃ\xa0 Ã©tÃ©".encode(), "text/html; charset=utf-8", "déjà été", "utf-8", True),
        (FRENCH.encode("utf-16-le"), None, "L’été", "utf-16-le", False),
        # Its bytes are valid UTF-8 too, which shows in its escapes alone.
        ("<p>橋が開通した".encode("iso-2022-jp"), None, "橋が開通した", "iso-2022-jp", True),
    ],
)
def test_the_bytes_decide_where_declarations_are_false_late_or_missing(
    body: bytes, content_type: str | None, text: str, charset: str, guessed: bool
) -> None:
    page = parse_page(body, {"content-type": content_type} if content_type else {})
    assert isinstance(page, ParsedPage)
    assert text in page.tree.text_content()
    assert (page.charset, page.is_guess) == (charset, guessed)


def test_ascii_has_the_encoding_that_is_declared() -> None:
    assert decode_html(b'<meta charset="shift_jis"><p>plain')[1:] == ("cp932", False)


@pytest.mark.parametrize(
    "html",
    [
        "<html><body><p>Menu</p></body></html><html><body><p>Story</p></body></html>",
        "<html><body><p>Menu</p></HTML ><p>Story</p>",
        "<html><head></head></html><body><p>Menu</p><p>Story</p>",
        "<html><body><p>Menu</p><!-- story -- ><p>Story</p><!-- end --></body></html>",
        "<html><body><p>Menu</p><!-- a -- b -- ><p>Story</p>",
        "<html><body><!-- a --><p>Menu</p><!-- story ><p>Story</p></body></html>",
    ],
)
def test_the_page_goes_on_where_browsers_went_on(html: str) -> None:
    assert inner_text(parsed(html.encode()).tree) == "Menu Story"


def test_a_comment_that_is_closed_hides_what_is_in_it() -> None:
    html = b"<html><body><p>Story</p><!-- <p>Hidden</p> - > -> <b>too</b> --></body></html>"
    assert inner_text(parsed(html).tree) == "Story"


@pytest.mark.parametrize("end", ["", "</script>", "</script><!-- b --> c"])
def test_a_comment_around_a_script_that_is_not_closed_stays(end: str) -> None:
    html = f"<html><body><p>Story</p><script><!-- if (a > b) write('<p>Other</p>') {end}</body></html>"
    assert "Other" not in inner_text(parsed(html.encode()).tree)


def test_elements_inside_plain_text_are_counted_too() -> None:
    inside = "<p>Some text of a page.</p>" * MAX_ELEMENTS
    html = f"<frameset><noframes>{inside}</noframes></frameset>"
    assert reject_reason(html.encode()) == "too_large"
