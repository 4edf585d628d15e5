"""Articles taken down: their lines go, and what replays the archives is told not to show them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from newscrawl.archive.erasing import Exchange, erase, exchanges_of
from newscrawl.archive.index import warc_files
from newscrawl.archive.lines import json_line
from newscrawl.archive.manifest import forget_finished, replace_finished
from newscrawl.archive.owner import owner_of
from newscrawl.archive.surt import surt
from newscrawl.archive.writer import sync_folder
from newscrawl.errors import ArchiveError
from newscrawl.items import TAKEN_DOWN, Rejection
from newscrawl.urls import normal_url

STEP = "takedown"
BLOCKED = "takedown.aclj"
"List of addresses that no replay may show, as pywb reads it."
COPIES = ("*.wacz", "*.warc.wet.gz", "*.torn", "*.broken")
"Files that may hold the article too, and that nobody but their maker can make anew."
_ARTICLES, _REJECTED = ".jsonl", ".rejected.jsonl"
_SAME_STORY = frozenset({"duplicate", "known"})
_REDIRECT_STEPS = 10


@dataclass(kw_only=True)
class TakenDown:
    """What stands of the articles in an outlet's folder."""

    urls: set[str] = field(default_factory=set)
    "Every address of theirs, as it was asked for or answered."
    lines: int = 0
    "Articles' lines."
    named: int = 0
    "Lines of all kinds."
    exchanges: dict[str, list[Exchange]] = field(default_factory=dict)
    "By the file they stand in."
    copies: list[str] = field(default_factory=list)


def addresses(folder: Path, urls: Iterable[str]) -> set[str]:
    """All addresses of these pages that lines tell of: those that lead there, and where they lead."""
    found, ids = set(urls), set[str]()
    for _ in range(_REDIRECT_STEPS):
        wanted, size = set(map(normal_url, found)), (len(found), len(ids))
        for line in _told(folder):
            if _leads_there(line, wanted, ids):
                found |= {str(line["url"]), str(line["url_requested"])}
                ids |= {str(line["id"])} if "id" in line else set()
        if (len(found), len(ids)) == size:
            break
    return found


def _leads_there(line: dict[str, Any], wanted: set[str], ids: set[str]) -> bool:
    """Whether a line is about a wanted page, or about one that shows the same article."""
    if normal_url(str(line["url"])) in wanted:
        return True
    if "reason" not in line:
        return normal_url(str(line["url_requested"])) in wanted
    same = set(str(line.get("detail")).split()) if line["reason"] in _SAME_STORY else set()
    return bool(same & ids) or any(normal_url(word) in wanted for word in same if "://" in word)


def _told(folder: Path) -> Iterator[dict[str, Any]]:
    for path in _line_files(folder):
        for line in _lines_in(path):
            if data := _read(line):
                yield data


def _line_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.jsonl") if owner_of(path.name))


def _lines_in(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise ArchiveError(f"cannot read {path}: {error.strerror}") from error


def _read(line: bytes) -> dict[str, Any] | None:
    try:
        data = json.loads(line)
    except ValueError:
        return None
    return data if isinstance(data, dict) and "url_requested" in data and "url" in data else None


def found_in(
    folder: Path, urls: Iterable[str], *, with_exchanges: bool, with_sources: bool = False
) -> TakenDown:
    """What is there of these pages; the archives are read from end to end for their exchanges.

    With sources: also those of feeds and lists that name one of their addresses.
    """
    found = TakenDown(urls=addresses(folder, urls))
    wanted = set(map(normal_url, found.urls))
    found.lines = sum("reason" not in line and _is_of(line, wanted) for line in _told(folder))
    found.named = sum(_is_of(line, wanted) for line in _told(folder))
    found.copies = sorted(path.name for pattern in COPIES for path in folder.glob(pattern))
    if with_exchanges:
        found.exchanges = _exchanges(folder, wanted, _as_named(found.urls) if with_sources else ())
    return found


def _is_of(line: dict[str, Any], wanted: set[str]) -> bool:
    return normal_url(str(line["url"])) in wanted or normal_url(str(line["url_requested"])) in wanted


def _as_named(urls: Iterable[str]) -> list[bytes]:
    """Addresses as feeds and JSON write them."""
    bare = [url.partition("://")[2].encode() for url in urls]
    return [
        form for text in bare for form in (text, text.replace(b"/", b"\\/"), text.replace(b"&", b"&amp;"))
    ]


def _exchanges(folder: Path, wanted: set[str], texts: Collection[bytes]) -> dict[str, list[Exchange]]:
    """Exchanges of these pages, the hops of redirects that led there, and what repeats a body of theirs."""
    found: dict[str, list[Exchange]] = {}
    ids: set[str] = set()
    size = -1
    while len(ids) > size:  # a revisit may stand in a file that was read before its original's
        size = len(ids)
        found = {path.name: [] for path in warc_files(folder)}
        for name, erased in found.items():
            with (folder / name).open("rb") as stream:
                for exchange in exchanges_of(stream, texts):
                    if not exchange.is_erased and _concerns(exchange, wanted, ids):
                        erased.append(exchange)
                        ids.update(exchange.record_ids)
    return {name: exchanges for name, exchanges in found.items() if exchanges}


def _concerns(exchange: Exchange, wanted: set[str], ids: set[str]) -> bool:
    names = filter(None, (exchange.url, exchange.asked_for))
    return exchange.names_it or exchange.refers_to in ids or any(normal_url(name) in wanted for name in names)


def rewrite_lines(folder: Path, urls: set[str], refusal: Callable[[dict[str, Any]], Rejection]) -> None:
    """Take the lines of these pages out; each has one line among the rejected ones of its run instead."""
    wanted = set(map(normal_url, urls))
    for path in _line_files(folder):
        if path.name.endswith(_REJECTED):
            continue
        rejected = path.with_name(path.name.removesuffix(_ARTICLES) + _REJECTED)
        kept, gone = _divided(_lines_in(path), wanted)
        others, gone_too = _divided(_lines_in(rejected) if rejected.exists() else [], wanted)
        if not gone and all(line.get("reason") == TAKEN_DOWN for line in gone_too):
            continue
        pages = {str(line["url_requested"]): line for line in (*gone_too, *gone)}
        told = [json_line(refusal(line)) for _, line in sorted(pages.items())]
        # The article goes last: killed between the two, it is found once more and taken down again.
        write_lines(rejected, [*others, *told])
        if gone:
            write_lines(path, kept)


def _divided(lines: list[bytes], wanted: set[str]) -> tuple[list[bytes], list[dict[str, Any]]]:
    """Lines that stay, and those that are about wanted pages."""
    kept: list[bytes] = []
    gone: list[dict[str, Any]] = []
    for line in lines:
        data = _read(line)
        if data and _is_of(data, wanted):
            gone.append(data)
        else:
            kept.append(line)
    return kept, gone


def write_lines(path: Path, lines: list[bytes]) -> None:
    """A finished file of lines anew, whole or not at all; the manifest follows."""
    draft = path.with_name(f"{path.name}.tmp")
    try:
        with draft.open("wb") as out:
            out.writelines(lines)
            out.flush()
            os.fsync(out.fileno())
        forget_finished(path)
        draft.rename(path)
        sync_folder(path.parent)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise ArchiveError(f"cannot write {path}: {error.strerror}") from error
    replace_finished(path)


def block(folder: Path, urls: Iterable[str]) -> None:
    """Add addresses to the list that no replay may show: the last key first, as pywb searches it."""
    path = folder / BLOCKED
    lines = set(path.read_text("utf-8").splitlines()) if path.exists() else set()
    for url in urls:
        lines.add(f"{surt(url)}### - {json.dumps({'access': 'block', 'url': url})}")
    draft = path.with_name(f"{path.name}.tmp")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        draft.write_text("".join(f"{line}\n" for line in sorted(lines, reverse=True)), "utf-8")
        draft.rename(path)
    except OSError as error:
        raise ArchiveError(f"cannot write {path}: {error.strerror}") from error


def blocked(folder: Path) -> list[str]:
    """The addresses on that list."""
    path = folder / BLOCKED
    try:
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        return [str(json.loads(line.split(" ", 2)[2])["url"]) for line in lines if line]
    except (OSError, ValueError, LookupError) as error:
        raise ArchiveError(f"cannot read {path}: {error}") from error


def erase_all(folder: Path, found: TakenDown, reason: str, when: datetime) -> None:
    for name, exchanges in found.exchanges.items():
        erase(folder / name, exchanges, reason, when)


def refusal_of(line: dict[str, Any], outlet: str, reason: str, when: str) -> Rejection:
    """What stands in the place of a page's lines: that it was taken down, and nothing of what it said."""
    return Rejection(
        url=str(line["url"]),
        url_requested=str(line["url_requested"]),
        source=outlet,
        step=STEP,
        reason=TAKEN_DOWN,
        detail=f"{when}: {reason}" if reason else when,
        fetched=line.get("fetched"),
    )
