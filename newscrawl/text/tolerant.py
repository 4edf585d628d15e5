"""JSON as pages print it, with values unquoted, quotes unescaped and commas left over."""

from __future__ import annotations

import json
import re

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

MAX_DEPTH = 40
_SPACE = re.compile(r"[\s\u00a0\ufeff]*")
# White space that is looked over from many places at once is bounded, else time grows with its square.
_NUMBER = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?(?:[eE][+-]?\d{1,3})?(?=\s{0,200}[,}\]])")
_WORD = re.compile(r"(true|false|null)(?=\s{0,200}[,}\]])")
_WORDS: dict[str, Json] = {"true": True, "false": False, "null": None}
# A quote closes a string only before what may follow a string.
_CLOSING = re.compile(r'(?<!\\)(?:\\\\)*"(?=\s*(?:[:}\]]|,\s*["{\[\d\-tfn}\]]|$))')
_KEY_CLOSING = re.compile(r'"\s*:')
_KEY_START = re.compile(r'\s*"')
# A bare value runs to the next key, or to the brace that closes its object at a line's end or before another.
_BARE_END = re.compile(r',\s{0,200}"[@\w:.-]{1,60}"\s{0,200}:|[}\]]\s{0,200}(?:[,}\]]|$)|\}\s{0,200}\n')
_ESCAPE = re.compile(r'\\(u[0-9a-fA-F]{4}|["\\/bfnrt])')
_ESCAPED = {'"': '"', "\\": "\\", "/": "/", "b": " ", "f": " ", "n": "\n", "r": "\n", "t": "\t"}
_HIGH, _LOW = r"\\u[dD][89abAB][0-9a-fA-F]{2}", r"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_LONE = re.compile(f"{_HIGH}(?!{_LOW})|(?<!{_HIGH}){_LOW}")
"Halves of surrogate pairs, as escapes: no UTF-8 can hold them."
MAX_BARE = 5_000


class Unreadable(ValueError):
    """Not even tolerance finds a value here."""


def read_json(text: str) -> Json:
    """The value in `text`, strictly where possible; Unreadable when there is none."""
    if "\\ud" in text or "\\uD" in text:
        text = _LONE.sub("", text)
    try:
        return json.loads(text, strict=False)  # type: ignore[no-any-return]
    except (ValueError, RecursionError):
        return _Reader(text).value(0)


class _Reader:
    """A cursor over broken JSON; every step moves forward, so it ends."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def value(self, depth: int) -> Json:
        if depth > MAX_DEPTH:
            raise Unreadable("nested too deep")
        self.skip()
        char = self.text[self.at : self.at + 1]
        if char == "{":
            return self.mapping(depth)
        if char == "[":
            return self.sequence(depth)
        if char == '"':
            return self.string()
        return self.scalar()

    def skip(self) -> None:
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def take(self, char: str) -> bool:
        self.skip()
        if self.text.startswith(char, self.at):
            self.at += 1
            return True
        return False

    def mapping(self, depth: int) -> Json:
        self.at += 1
        found: dict[str, Json] = {}
        while self.at < len(self.text) and not self.take("}"):
            if self.take(","):
                continue
            if not _KEY_START.match(self.text, self.at):
                break
            name = self.name()
            if not self.take(":"):
                break
            found.setdefault(name, self.value(depth + 1))
        return found

    def sequence(self, depth: int) -> Json:
        self.at += 1
        found: list[Json] = []
        while self.at < len(self.text) and not self.take("]"):
            if self.take(","):
                continue
            before = self.at
            found.append(self.value(depth + 1))
            if self.at == before:
                break
        return found

    def name(self) -> str:
        self.skip()
        self.at += 1
        closing = _KEY_CLOSING.search(self.text, self.at, self.at + 200)
        if closing is None:
            raise Unreadable("a key that does not end")
        name = self.text[self.at : closing.start()]
        self.at = closing.start() + 1
        return name

    def string(self) -> str:
        self.at += 1
        closing = _CLOSING.search(self.text, self.at)
        end = closing.end() - 1 if closing else len(self.text)
        raw = self.text[self.at : end]
        self.at = end + 1
        return unescaped(raw)

    def scalar(self) -> Json:
        if word := _WORD.match(self.text, self.at):
            self.at = word.end()
            return _WORDS[word.group(1)]
        if number := _NUMBER.match(self.text, self.at):
            self.at = number.end()
            return float(number.group())
        return self.bare()

    def bare(self) -> str | None:
        """What stands where a value should, without quotes: the text up to the next key."""
        end = _BARE_END.search(self.text, self.at, self.at + MAX_BARE)
        stop = end.start() if end else min(len(self.text), self.at + MAX_BARE)
        raw = self.text[self.at : stop].strip().strip('"')
        self.at = stop
        return unescaped(raw) or None


def unescaped(raw: str) -> str:
    """JSON's escapes resolved; pairs of surrogates joined, lone ones left for the reader to drop."""
    text = _ESCAPE.sub(lambda found: _character(found.group(1)), raw)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _character(escape: str) -> str:
    return chr(int(escape[1:], 16)) if escape[0] == "u" else _ESCAPED[escape]
