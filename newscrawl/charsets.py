"""The encoding of a page or feed: what its bytes can be counts for more than what its server declares."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from itertools import islice

from charset_normalizer import from_bytes

WESTERN = "windows-1252"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
# On the web these labels mean more than their names suggest: a page in `gb2312` may use all of GB 18030.
# The labels are those of the Encoding Standard (encoding.spec.whatwg.org, "names and labels").
_WEB_CODECS = {
    "gb2312": "gb18030", "gb_2312-80": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030",
    "euc-kr": "cp949", "ks_c_5601-1987": "cp949", "ksc5601": "cp949", "windows-949": "cp949",
    "shift_jis": "cp932", "shift-jis": "cp932", "sjis": "cp932", "x-sjis": "cp932", "ms_kanji": "cp932",
    "windows-31j": "cp932",
    "big5": "big5hkscs", "x-x-big5": "big5hkscs", "x-euc-jp": "euc-jp",
    "iso-8859-9": "windows-1254", "iso8859-9": "windows-1254", "latin5": "windows-1254",
    "iso-8859-11": "cp874", "iso8859-11": "cp874", "tis-620": "cp874", "windows-874": "cp874",
    "dos-874": "cp874", "utf8": "utf-8", "x-mac-roman": "macintosh", "mac": "macintosh",
    "latin2": "iso-8859-2",
    **dict.fromkeys(
        ("iso-8859-1", "iso8859-1", "latin1", "latin-1", "l1", "ascii", "us-ascii", "cp819", "x-cp1252"),
        WESTERN,
    ),
}  # fmt: skip
# Only text encodings in use on the web: Python also has codecs such as base64 and punycode.
_WEB_ENCODING = re.compile(
    r"^(utf-?8|utf-?(16|32)(-?[lb]e)?|iso-?8859-([2-9]|1[0-6])|windows-?12\d\d|cp12\d\d|cp8(50|66)|"
    r"koi8-[rut]|euc-jp|iso-2022-jp|gb18030|big5-?hkscs|macintosh)$"
)
_CODEC_NAMES = {"euc_jp": "euc-jp", "koi8_r": "koi8-r", "tis_620": "cp874", "iso8859_2": "iso-8859-2"}
"Names on the web for codecs of Python; `cp1250` to `cp1258` are `windows-…` too."
_BY_LANGUAGE: dict[str, tuple[str, ...]] = {
    "ja": ("cp932", "euc_jp"), "zh": ("gb18030", "big5hkscs"), "ko": ("cp949",), "th": ("tis_620",),
    "ar": ("cp1256",), "fa": ("cp1256",), "ur": ("cp1256",), "he": ("cp1255",), "el": ("cp1253", "iso8859_7"),
    "vi": ("cp1258",), "tr": ("cp1254",), "az": ("cp1254",),
    **dict.fromkeys(("ru", "uk", "be", "bg", "mk"), ("cp1251", "koi8_r", "iso8859_5", "cp866")),
    **dict.fromkeys(("pl", "cs", "sk", "hu", "sl", "hr", "bs", "ro"), ("cp1250", "iso8859_2")),
    **dict.fromkeys(("et", "lt", "lv"), ("cp1257",)),
}  # fmt: skip
"The encodings that pages in a language used before UTF-8."
_LATIN_CODECS = ("cp1250", "iso8859_2", "mac_roman", "cp850")
_OTHER_CODECS = (
    "cp932", "euc_jp", "gb18030", "big5hkscs", "cp949", "cp1251", "koi8_r", "iso8859_5", "cp866", "cp1253",
    "cp1255", "cp1256", "tis_620",
)  # fmt: skip
"Of non-Latin scripts. Unbounded guesses end in code pages that no site uses."
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_LATIN_RUN_BYTES = 2
"Letters with accents seldom stand together in Latin script; in others whole words lie above ASCII."
_LETTER_RUN = re.compile(rb"[\x80-\x84\x86-\x90\x98-\x9f\xa1-\xaa\xac-\xba\xbc-\xff]+")
"Without the no-break spaces, quotation marks and dashes that stand around words in Latin script."
_REPEATED_BYTE = re.compile(rb"([\x80-\xff])\1+")
_MIN_SCRIPT_BYTES = 12
"So few bytes in words above ASCII are a word in capitals or some signs, not a page in another script."
_SYMBOL = r"(?:[^\w\s!-~’‘“”«»‐-―…·•€£©®™°ºª\u00a0\u00ad]|[¹²³])"
_INNER_SYMBOL = re.compile(rf"(?<=[a-z]){_SYMBOL}(?=[a-z])")
_ADJACENT_SYMBOL = re.compile(rf"[a-z](?:{_SYMBOL}|[À-Þ])|{_SYMBOL}[a-z]")
"Signs that are part of no word: where they seem to be, the encoding is another one."
_KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa]")
_KANA_CODECS = ("euc_jp", "cp932")
_CONTROL = re.compile(r"[\x80-\x9f]")
_HALF_WIDTH = re.compile(r"[\uff61-\uff9f]")
"Katakana of old terminals, as which other scripts appear when they are read as Shift_JIS."
_SEGMENT = re.compile(rb"[^<>\r\n]++")
_SEGMENT_BYTES, _CONTEXT_BYTES = 4_000, 100
_SAMPLE_BYTES = 8_192
_ESCAPE_BYTES = 100_000
_ISO_2022_JP = re.compile(rb"\x1b(?:\$[@B]|\([BJI])")
_NON_ASCII = re.compile(r"[^\x00-\x7f]")
_MIN_GOOD_SHARE = 0.75
"Share of characters above ASCII that are valid, from which text is UTF-8 with damage."
_MAX_DAMAGE = 0.02
"Share of characters above ASCII that a declared encoding may fail on: a page is cut, or joined of parts."
# What a byte of UTF-8 looks like when it is read as Windows-1252, whose five gaps are control characters.
_WESTERN_BYTES = {
    bytes([byte]).decode("cp1252", "ignore") or chr(byte): bytes([byte]) for byte in range(0x80, 0x100)
}
_TAIL_CHARS = "".join(re.escape(char) for char, byte in _WESTERN_BYTES.items() if byte < b"\xc0")
_DOUBLE = re.compile(
    f"[\u00c2-\u00df][{_TAIL_CHARS}]|[\u00e0-\u00ef][{_TAIL_CHARS}]{{2}}|[\u00f0-\u00f4][{_TAIL_CHARS}]{{3}}"
)
_DOUBLE_START = re.compile(rb"\xc3[\x82-\xb4][\xc2\xc5\xc6\xcb\xe2]")
"The first of these characters and of the next, in UTF-8; pages in many languages have none."
_MIN_DOUBLE = 2
_BLANK_ASCII = bytes(32 if byte < 128 else byte for byte in range(256))


def resolve_charset(label: str) -> str | None:
    """The encoding that a label on the web means; None for anything but a text encoding."""
    label = label.strip().lower()
    name = _WEB_CODECS.get(label, label)
    if not _WEB_ENCODING.match(name) and name not in _WEB_CODECS.values():
        return None
    try:
        "".encode(name)
    except LookupError:
        return None
    return name


def bom_charset(body: bytes) -> str | None:
    """The encoding that the first bytes reveal; None if they do not."""
    return next((name for mark, name in _BOMS if body.startswith(mark)), None)


def decode_utf8(body: bytes) -> str | None:
    """The text of a body that is UTF-8 from end to end, and that nothing shows to be in another encoding."""
    if bom_charset(body) not in {None, "utf-8"} or _has_escapes(body):
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def is_utf8(body: bytes) -> bool:
    """Whether it is valid UTF-8; it may end inside a character."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        text = decoder.decode(body)
    except UnicodeError:
        return False
    is_sound = not decoder.getstate()[0] or not text.isascii()  # a single broken byte is no character cut
    return is_sound and not _has_escapes(body)


def _has_escapes(body: bytes) -> bool:
    """Whether it switches character sets as ISO-2022-JP does."""
    escape = body.find(b"\x1b", 0, _ESCAPE_BYTES)
    return escape >= 0 and _ISO_2022_JP.search(body, escape, _ESCAPE_BYTES) is not None


def detect_charset(body: bytes, declared: Iterable[str], language: str | None = None) -> str:
    """The encoding of `body`: by its mark, as UTF-8, as declared where that decodes, else the likeliest.

    Valid UTF-8 does not occur by chance, while servers often send a wrong charset by default. `declared`
    are names of `resolve_charset`; `language` is the code that the document declares for its text.
    """
    wide = bom_charset(body)
    if wide is not None and wide != "utf-8":
        return wide
    names = [name for name in dict.fromkeys(declared) if not name.startswith(("utf-16", "utf-32"))]
    if is_utf8(body):
        return "utf-8"
    if _has_escapes(body) and _decodes(body, "iso-2022-jp"):
        return "iso-2022-jp"
    if _is_mostly_utf8(body):
        return "utf-8"
    is_latin = _has_latin_runs(body)
    # Servers and templates call everything Latin-1, so another name that fits is the better evidence.
    for name in sorted(names, key=lambda name: name == WESTERN):
        if name != "utf-8" and (name != WESTERN or is_latin) and _is_mostly_decodable(body, name):
            return name
    return _guess_charset(body, language, is_latin=is_latin)


def _decodes(body: bytes, name: str) -> bool:
    try:
        codecs.getincrementaldecoder(name)().decode(body)
    except UnicodeError:
        return False
    return True


def _is_mostly_utf8(body: bytes) -> bool:
    text = body.decode("utf-8", "replace")
    characters = len(_NON_ASCII.findall(text))
    return characters - text.count("\ufffd") >= _MIN_GOOD_SHARE * characters


def _is_mostly_decodable(body: bytes, name: str) -> bool:
    text = body.decode(name, "replace")
    return text.count("\ufffd") <= _MAX_DAMAGE * len(_NON_ASCII.findall(text)) or _decodes(body, name)


def _has_latin_runs(body: bytes) -> bool:
    """Whether bytes above ASCII stand alone or in pairs, as the accented letters of Latin script do."""
    sizes = [len(run) for run in _LETTER_RUN.findall(_REPEATED_BYTE.sub(rb"\1", body))]
    long = sum(size for size in sizes if size > _LATIN_RUN_BYTES)
    return long < _MIN_SCRIPT_BYTES or 2 * long <= sum(sizes)


def _guess_charset(body: bytes, language: str | None, *, is_latin: bool) -> str:
    """The likeliest encoding of bytes whose declarations do not fit."""
    sample = _take_sample(body)
    code = (language or "").strip().lower()[:2]
    if code in _BY_LANGUAGE and (name := _likeliest(sample, _BY_LANGUAGE[code])):
        return name
    if not is_latin:
        return _likeliest(sample, _OTHER_CODECS) or WESTERN
    western = sample.decode(WESTERN, "replace")
    if 10 * len(_INNER_SYMBOL.findall(western)) > len(_NON_ASCII.findall(western)):
        return _likeliest(sample, _LATIN_CODECS) or WESTERN
    return WESTERN


def _take_sample(body: bytes) -> bytes:
    """The lines that have bytes above ASCII, up to a limit."""
    segments, size = [], 0
    for segment in _SEGMENT.finditer(body):
        high = _HIGH_RUN.search(segment.group())
        if high is None:
            continue
        start = max(0, high.start() - _CONTEXT_BYTES)
        segments.append(segment.group()[start : high.start() + _SEGMENT_BYTES])
        size += len(segments[-1])
        if size > _SAMPLE_BYTES - _SEGMENT_BYTES:
            break
    return b"\n".join(segments)


def _likeliest(sample: bytes, codec_names: tuple[str, ...]) -> str | None:
    """The likeliest of some encodings; None if none can be."""
    able = [name for name in codec_names if _decodes(sample, name) and _is_clean(sample, name)]
    # Japanese is the only text with much kana, and its bytes would pass for Korean.
    if japanese := next((name for name in _KANA_CODECS if name in able and _has_kana(sample, name)), None):
        able = [japanese]
    if len(able) > 1:
        symbols = {name: len(_ADJACENT_SYMBOL.findall(sample.decode(name, "replace"))) for name in able}
        able = [name for name in able if symbols[name] == min(symbols.values())]
    if len(able) > 1:
        best = from_bytes(sample, cp_isolation=able, preemptive_behaviour=False).best()
        able = [best.encoding] if best is not None else able
    if not able:
        return None
    name = able[0]
    return _CODEC_NAMES.get(name) or (f"windows-{name[2:]}" if name.startswith("cp125") else name)


def _is_clean(sample: bytes, name: str) -> bool:
    """Whether a reading of bytes is free of characters that no text has, or has much of."""
    text = sample.decode(name, "replace")
    return not _CONTROL.search(text) and 5 * len(_HALF_WIDTH.findall(text)) <= len(_NON_ASCII.findall(text))


def _has_kana(sample: bytes, name: str) -> bool:
    text = sample.decode(name, "replace")
    return 5 * len(_KANA.findall(text)) > len(_NON_ASCII.findall(text))


def may_be_double_utf8(body: bytes) -> bool:
    """Whether the text of a body in UTF-8 may have been encoded twice: a cheap check that most pages fail."""
    first = body.find(b"\xc3")
    return first >= 0 and len([*islice(_DOUBLE_START.finditer(body, first), _MIN_DOUBLE)]) == _MIN_DOUBLE


def mend_double_utf8(text: str) -> str | None:
    """The text that was encoded as UTF-8 twice; None for text that was not.

    A program took UTF-8 for Windows-1252 and encoded it again, so that `é` arrives as `Ã©`. Such pairs stand
    in sound text now and then, so most characters above ASCII have to be in some.
    """
    # Only what is above ASCII is searched: most of a page is not.
    runs = text.encode("utf-8", "surrogatepass").translate(_BLANK_ASCII).split()
    high = b" ".join(runs).decode("utf-8", "surrogatepass")
    pairs = _DOUBLE.findall(high)
    if len(pairs) < _MIN_DOUBLE or 2 * sum(map(len, pairs)) <= len(high) - len(runs) + 1:
        return None
    mended = _DOUBLE.sub(_decode_double, text)
    return mended if mended != text else None


def _decode_double(match: re.Match[str]) -> str:
    try:
        return b"".join(_WESTERN_BYTES[char] for char in match.group()).decode("utf-8")
    except UnicodeDecodeError:
        return match.group()
