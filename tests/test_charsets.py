"""Encodings: what bytes can be, whatever is declared for them."""

import pytest

from newscrawl.charsets import bom_charset, detect_charset, is_utf8, mend_double_utf8, resolve_charset

TEXTS = {
    "fr": "Les élèves du lycée ont déjà fêté « l’été » à la plage, où l’on répète la pièce jusqu’à août.",
    "pl": "Uczniowie świętowali już początek lata na plaży, gdzie próbują sztukę; głośno i wesoło.",
    "tr": "Öğrenciler yazın başlangıcını sahilde kutladı, orada oyun çalışacaklar, çok mutlular.",
    "ru": "Ученики уже отметили начало лета на пляже, где они репетируют пьесу для театра.",
    "el": "Οι μαθητές γιόρτασαν ήδη την αρχή του καλοκαιριού στην παραλία, όπου κάνουν πρόβες για το θέατρο.",
    "he": "התלמידים כבר חגגו את תחילת הקיץ בחוף הים ושם הם מתכוננים להצגה של התיאטרון העירוני.",
    "ar": "احتفل التلاميذ ببداية الصيف على الشاطئ حيث يتدربون على مسرحية المدينة حتى شهر أغسطس.",
    "ja": "生徒たちは海辺で夏の始まりを祝い、八月まで町の劇場のために芝居の稽古を続けるという。",
    "zh": "学生们已经在海滩上庆祝了夏天的开始，他们将在那里为城市剧院排练到八月，家长们都很高兴。",
    "zh-tw": "學生們已經在海灘上慶祝了夏天的開始，他們將在那裡為城市劇院排練到八月，家長們都很高興。",
    "ko": "학생들은 이미 바닷가에서 여름의 시작을 축하했고 팔월까지 시립 극장의 연극을 연습한다고 말했다.",
    "th": "นักเรียนฉลองการเริ่มต้นของฤดูร้อนที่ชายหาดแล้ว และจะซ้อมละครให้โรงละครของเมือง",
}


def page(lang: str, codec: str) -> bytes:
    return f"<html><body><p>{TEXTS[lang]}</p></body></html>".encode(codec)


@pytest.mark.parametrize(
    ("lang", "codec"),
    [
        ("fr", "cp1252"),
        ("fr", "mac-roman"),
        ("pl", "cp1250"),
        ("ru", "cp1251"),
        ("ru", "koi8-r"),
        ("el", "cp1253"),
        ("he", "cp1255"),
        ("ar", "cp1256"),
        ("ja", "cp932"),
        ("ja", "euc_jp"),
        ("ja", "iso2022_jp"),
        ("zh", "gb18030"),
        ("zh-tw", "big5"),
        ("ko", "cp949"),
        ("th", "cp874"),
        ("fr", "utf-16"),
        ("fr", "utf-16-le"),
        ("fr", "utf-32"),
    ],
)
def test_an_encoding_that_nothing_declares_is_found_in_the_bytes(lang: str, codec: str) -> None:
    body = page(lang, codec)
    assert TEXTS[lang] in body.decode(detect_charset(body, []))


def test_the_code_page_of_dos_is_found_by_its_letters() -> None:
    body = "<p>Les élèves ont déjà fêté, où l'on répète la pièce jusqu'à août.".encode("cp850")
    assert detect_charset(body, []) == "cp850"


@pytest.mark.parametrize(("lang", "codec"), [("tr", "cp1254"), ("pl", "iso8859_2"), ("zh", "gb18030")])
def test_the_language_of_a_page_narrows_the_guess(lang: str, codec: str) -> None:
    body = page(lang, codec)
    assert TEXTS[lang] in body.decode(detect_charset(body, [], lang))


@pytest.mark.parametrize(
    ("lang", "codec", "declared"),
    [
        ("zh", "gb18030", ["utf-8", "gb18030"]),
        ("zh", "gb18030", ["windows-1252", "gb18030"]),
        ("ru", "cp1251", ["windows-1252"]),
        ("ja", "cp932", ["utf-8"]),
        ("ja", "cp932", ["windows-1252"]),
        ("fr", "cp1252", ["utf-8"]),
        ("fr", "utf-8", ["windows-1252"]),
        ("ko", "utf-8", ["cp949"]),
    ],
)
def test_a_false_declaration_is_not_believed(lang: str, codec: str, declared: list[str]) -> None:
    body = page(lang, codec)
    assert TEXTS[lang] in body.decode(detect_charset(body, declared))


@pytest.mark.parametrize("lang", ["fr", "ru", "zh"])
@pytest.mark.parametrize("declared", [[], ["utf-8"], ["windows-1252"]])
def test_a_broken_byte_does_not_make_utf8_anything_else(lang: str, declared: list[str]) -> None:
    body = page(lang, "utf-8").replace(b"</p>", b"\xe9 </p>")
    assert detect_charset(body, declared) == "utf-8"


def test_a_declared_encoding_may_have_a_broken_byte_in_a_hundred() -> None:
    body = page("zh", "gb18030") * 4 + b"\xff<p>"
    assert detect_charset(body, ["gb18030"]) == "gb18030"


def test_a_last_character_may_be_cut_but_one_byte_is_none() -> None:
    assert is_utf8("été".encode()[:-1])
    assert not is_utf8(b"caf\xe9")
    assert bom_charset(b"\xff\xfe<\0") == "utf-16-le"


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("GB2312", "gb18030"),
        ("latin1", "windows-1252"),
        (" UTF8 ", "utf-8"),
        ("x-sjis", "cp932"),
        ("base64", None),
        ("utf-7", None),
        ("rot13", None),
        ("", None),
    ],
)
def test_a_label_means_what_browsers_take_it_for(label: str, name: str | None) -> None:
    assert resolve_charset(label) == name


def encode_twice(text: str) -> str:
    return "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in text.encode())


@pytest.mark.parametrize("lang", sorted(TEXTS))
def test_utf8_that_was_encoded_twice_is_decoded_twice(lang: str) -> None:
    assert mend_double_utf8(encode_twice(TEXTS[lang])) == TEXTS[lang]


@pytest.mark.parametrize(
    "text",
    [
        *TEXTS.values(),
        "Le mot « LIBERTÉ » et « ÉGALITÉ » : ils ont chanté « Â» été.",
        "L’encodage écrit parfois Ã© à la place d’un é, dit l’élève.",
        "plain words",
    ],
)
def test_sound_text_is_left_alone(text: str) -> None:
    assert mend_double_utf8(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "\xa0\xa0\xa0\xa0 déjà",
        "À LA UNE : ÉÉÉ",
        "«\xa0À\xa0»",
        "—————— fin",
        "££££ now",
        "30\xa0°°°C",
        "“\xa0été\xa0”—",
        "l’ÎLE DÉÇUE CRÉÉE",
    ],
)
@pytest.mark.parametrize("declared", [["windows-1252"], ["utf-8"], []])
def test_spaces_signs_and_capitals_in_a_row_are_no_other_script(text: str, declared: list[str]) -> None:
    body = f"<html><body><p>{text}</p><p>{text}</p></body></html>".encode("cp1252")
    assert detect_charset(body, declared) == "windows-1252"
