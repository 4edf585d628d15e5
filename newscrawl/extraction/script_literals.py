"""A reader of the values that scripts assign: literals of JavaScript, which JSON is a part of.

It reads what frameworks print to hand a page's state to the browser, and runs nothing: objects and arrays,
strings of each kind, `JSON.parse("...")`, and the function with which Nuxt 2 gives repeated values a name,
`(function(a,b){b.x=1;return {y:a,z:b}}("text",{}))`. Whatever else it meets makes the text unreadable.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from urllib.parse import unquote

from newscrawl.extraction.jsonld import Json

MAX_LITERAL_CHARS = 1024 * 1024
"Characters after which the reader gives up: it needs half a second for them. JSON may be longer."
_MAX_VALUES = 300_000
_MAX_DEPTH = 60
_SPACE = re.compile(r"(?:[\s\ufeff]++|/\*[^*]{0,2000}\*/|//[^\n]{0,2000}\n)*+")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*+"|\'(?:[^\'\\]|\\.)*+\'|`(?:[^`\\]|\\.)*+`', re.DOTALL)
_NUMBER = re.compile(
    r"[+-]?(?:0[xX][0-9a-fA-F]{1,16}|(?:\d{1,30}\.?\d{0,30}|\.\d{1,30})(?:[eE][+-]?\d{1,3})?)n?"
)
_NAME = re.compile(r"[A-Za-z_$][\w$]{0,200}")
_DOTTED = re.compile(r"[A-Za-z_$][\w$]{0,200}(?:\.[A-Za-z_$][\w$]{0,200}){0,5}")
_FUNCTION = re.compile(r"\(\s{0,20}function\s{0,20}\w{0,40}\s{0,20}\(([\w$\s,]{0,100000})\)\s{0,20}\{")
_ASSIGNED = re.compile(
    r"([A-Za-z_$][\w$]{0,200})(?:\.([A-Za-z_$][\w$]{0,200})|\[(\d{1,9}|\"[^\"\\]{0,200}\")\])\s{0,20}=(?!=)"
)
_RETURN = re.compile(r"return\b")
_SUBSTITUTION = re.compile(r"\$\{[^{}]{0,500}\}")
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(\r\n|.))", re.DOTALL)
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_LONE = re.compile("[\ud800-\udfff]")
_ESCAPED = {"n": "\n", "r": "\n", "t": "\t", "b": " ", "f": " ", "v": " ", "0": "", "\n": "", "\r\n": ""}
_CONSTANTS: dict[str, Json] = {
    "true": True, "false": False, "null": None, "undefined": None, "NaN": None, "Infinity": None,
}  # fmt: skip
_DECODERS = frozenset({"decodeURIComponent", "decodeURI", "unescape"})


class UnreadableScriptError(ValueError):
    """The text holds something else than a literal where a value should be."""

    def __init__(self, reason: str, at: int) -> None:
        super().__init__(f"{reason} at {at}")
        self.at = at


def read_literal(text: str, start: int = 0) -> tuple[Json, int]:
    """The value that begins at this position, and where it ends.

    It raises UnreadableScriptError for anything that is no literal, is nested deeper than 60 levels, has more
    than 300,000 values, or is longer than a million characters and no JSON.
    """
    try:
        # Far faster than the reader below, and most states are JSON.
        return read_json(text, start)
    except UnreadableScriptError:
        reader = _LiteralReader(text=text, at=start, end=start + MAX_LITERAL_CHARS)
        return reader.read_root(), reader.at


def unescape_string(quoted: str) -> str:
    """The text of a string literal, given with its quotes; halves of surrogate pairs are dropped."""
    text = quoted[1:-1]
    if quoted[0] == "`":
        text = _SUBSTITUTION.sub("", text)
    if "\\" not in text:
        return text
    text = _ESCAPE.sub(_read_escape, text)
    text = _PAIR.sub(lambda pair: pair.group().encode("utf-16", "surrogatepass").decode("utf-16"), text)
    return _LONE.sub("", text)


def _read_escape(match: re.Match[str]) -> str:
    code = match.group(1) or match.group(2) or match.group(3)
    if code is None:
        return _ESCAPED.get(match.group(4), match.group(4))
    return chr(int(code, 16)) if int(code, 16) <= 0x10FFFF else ""


@dataclass(kw_only=True, slots=True)
class _LiteralReader:
    """Position in a text, and the names of the function that is being read."""

    text: str
    at: int
    end: int
    "Where it gives up."
    count: int = 0
    names: frozenset[str] = frozenset()
    uses: list[tuple[dict[str, Json] | list[Json], str | int, str]] = field(default_factory=list)
    "Places of values that are names: container, key, name. They get their values when the call is read."

    def read_root(self) -> Json:
        self._skip_space()
        if function := _FUNCTION.match(self.text, self.at):
            return self._read_call(function)
        return self._read_value(0)

    def _skip_space(self) -> None:
        if match := _SPACE.match(self.text, self.at):
            self.at = match.end()

    def _peek(self) -> str:
        self._skip_space()
        return self.text[self.at : self.at + 1]

    def _take(self, sign: str) -> bool:
        if self._peek() != sign:
            return False
        self.at += 1
        return True

    def _expect(self, sign: str) -> None:
        if not self._take(sign):
            raise UnreadableScriptError(f"no {sign}", self.at)

    def _read_call(self, function: re.Match[str]) -> Json:
        """A function that returns a literal, and the values it is called with."""
        parameters = [name.strip() for name in function.group(1).split(",") if name.strip()]
        self.names = frozenset(parameters)
        self.at = function.end()
        assigned: list[tuple[str, str, list[Json]]] = []
        self._skip_space()
        while statement := _ASSIGNED.match(self.text, self.at):
            self.at = statement.end()
            key = statement.group(2) or statement.group(3).strip('"')
            assigned.append((statement.group(1), key, self._read_cell()))
            self._take(";") or self._take(",")
            self._skip_space()
        if (returned := _RETURN.match(self.text, self.at)) is None:
            raise UnreadableScriptError("no return", self.at)
        self.at = returned.end()
        result = self._read_cell()
        self._take(";")
        self._expect("}")
        self._take(")")
        self._expect("(")
        self.names = frozenset()
        values = dict(zip(parameters, self._read_items(")", 0), strict=False))
        for container, at, name in self.uses:
            container[at] = values.get(name)  # type: ignore[index]
        for name, key, cell in assigned:
            target = values.get(name)
            if isinstance(target, dict):
                target[key] = cell[0]
            elif isinstance(target, list) and key.isdigit() and int(key) <= len(target):
                target[int(key) : int(key) + 1] = cell
        return result[0]

    def _read_cell(self) -> list[Json]:
        """A value in a list of its own, in which a name can be replaced."""
        cell: list[Json] = [None]
        self._put(cell, 0, 0)
        return cell

    def _put(self, container: dict[str, Json] | list[Json], key: str | int, depth: int) -> None:
        """Read a value into its container, or note the name that stands for it."""
        self._skip_space()
        name = _NAME.match(self.text, self.at)
        if (
            name
            and name.group() in self.names
            and self.text[name.end() : name.end() + 1] not in {".", "(", "["}
        ):
            self.uses.append((container, key, name.group()))
            self.at = name.end()
            return
        container[key] = self._read_value(depth)  # type: ignore[index]

    def _read_value(self, depth: int) -> Json:  # noqa: PLR0911 - a kind of value each
        self.count += 1
        if depth > _MAX_DEPTH or self.count > _MAX_VALUES or self.at > self.end:
            raise UnreadableScriptError("too deep, too long or too many values", self.at)
        sign = self._peek()
        if sign == "{":
            return self._read_object(depth)
        if sign == "[":
            self.at += 1
            return self._read_items("]", depth)
        if sign in {'"', "'", "`"}:
            return self._read_string()
        if sign == "(":
            self.at += 1
            value = self._read_value(depth + 1)
            self._expect(")")
            return value
        if sign == "!":
            self.at += 1
            return not self._read_value(depth + 1)
        if number := _NUMBER.match(self.text, self.at):
            self.at = number.end()
            return _read_number(number.group())
        return self._read_word(depth)

    def _read_string(self) -> str:
        parts: list[str] = []
        while True:
            self._skip_space()
            if (string := _STRING.match(self.text, self.at)) is None:
                raise UnreadableScriptError("no end of the string", self.at)
            self.at = string.end()
            parts.append(unescape_string(string.group()))
            if not self._take("+"):
                return "".join(parts)

    def _read_object(self, depth: int) -> dict[str, Json]:
        self.at += 1
        made: dict[str, Json] = {}
        while not self._take("}"):
            if self._peek() in {'"', "'"}:
                key = self._read_string()
            elif word := _NAME.match(self.text, self.at) or _NUMBER.match(self.text, self.at):
                key, self.at = word.group(), word.end()
            else:
                raise UnreadableScriptError("no key", self.at)
            if self._take(":"):
                made[key] = None
                self._put(made, key, depth + 1)
            elif key in self.names:
                made[key] = None
                self.uses.append((made, key, key))
            else:
                raise UnreadableScriptError("no value", self.at)
            if not self._take(",") and self._peek() != "}":
                raise UnreadableScriptError("no end of the value", self.at)
        return made

    def _read_items(self, end: str, depth: int) -> list[Json]:
        made: list[Json] = []
        while not self._take(end):
            if self._take(","):
                made.append(None)
                continue
            made.append(None)
            self._put(made, len(made) - 1, depth + 1)
            if not self._take(",") and self._peek() != end:
                raise UnreadableScriptError("no end of the item", self.at)
        return made

    def _read_word(self, depth: int) -> Json:
        """A constant, or a call whose result is known: what a `Date` or `Map` holds is no text of a story."""
        word = _DOTTED.match(self.text, self.at)
        if word is None:
            raise UnreadableScriptError("no value", self.at)
        name, self.at = word.group(), word.end()
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        if name in {"void", "new"}:
            self._read_value(depth + 1)
            return None
        if not self._take("("):
            raise UnreadableScriptError(f"{name[:40]} is no value", self.at)
        arguments = self._read_items(")", depth + 1)
        first = arguments[0] if arguments else None
        if name == "JSON.parse" and isinstance(first, str):
            return read_json(first)[0]
        if name in _DECODERS and isinstance(first, str):
            return unquote(first)
        return [] if name == "Array" else None


def read_json(text: str, start: int = 0) -> tuple[Json, int]:
    """The JSON value that begins at this position, and where it ends, or else UnreadableScriptError."""
    space = _SPACE.match(text, start)
    try:
        value, end = json.JSONDecoder(strict=False).raw_decode(text, space.end() if space else start)
    except (ValueError, RecursionError) as error:
        raise UnreadableScriptError("no JSON", start) from error
    return value, end


def _read_number(text: str) -> Json:
    try:
        return int(text.rstrip("n"), 16) if "x" in text.lower() else float(text.rstrip("n"))
    except ValueError:
        return None
