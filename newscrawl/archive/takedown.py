"""Takedowns: the lines of articles become rejections, replay blocks their URLs, records are overwritten."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from newscrawl.archive.lines import (
    ARTICLES_SUFFIX,
    REJECTED_SUFFIX,
    iter_lines,
    json_line,
    replace_lines,
    story_page_urls,
)
from newscrawl.archive.manifest import remove_from_manifest, update_manifest
from newscrawl.errors import ArchiveError, archive_errors
from newscrawl.items import Rejection, rfc3339
from newscrawl.state.refetch_policy import TAKEN_DOWN
from newscrawl.storage import atomic_write
from newscrawl.urls import normalize_url
from newscrawl.warc.filenames import parse_filename
from newscrawl.warc.http import ContentError, split_message
from newscrawl.warc.index import warc_files
from newscrawl.warc.reader import MAX_PAGE_BYTES, WarcRecord, iter_slices, open_warc, parse_warc_fields
from newscrawl.warc.record_groups import group_records, read_link_url
from newscrawl.warc.records import (
    COMPRESSED,
    STORED,
    BytePieces,
    format_warc_fields,
    gzip_member,
    serialize_record,
    sha1_base32,
    target_uri,
)
from newscrawl.warc.renderings import SHARED_FIELD, SUBRESOURCE_FIELD, page_url
from newscrawl.warc.story_parts import PART_FIELD
from newscrawl.warc.surt import surt
from newscrawl.warc.writer import OPEN_SUFFIX

STEP = "takedown"
BLOCK_LIST = "takedown.aclj"
"List of URLs that no replay may show, in the form pywb reads."
COPIES = ("*.wacz", "*.warc.wet.gz", "*.torn", "*.broken")
"Files that may contain the article too, and that only whoever made them can make anew."
COPY_BYTES = 1 << 20
_DRAFT_SUFFIX = ".erasing"
_SAME_STORY = frozenset({"duplicate", "known"})
_REDIRECT_STEPS = 10
_MEMBER_HEAD = b"\x1f\x8b\x08\x10\x00\x00\x00\x00\x00\xff"
"Of a gzip member with a comment (RFC 1952), which pads the last few bytes."
_MEMBER_TAIL_BYTES = 8
_DEFLATE_BLOCK_BYTES = 0xFFFF
_DEFLATE_HEAD_BYTES = 5
_MAX_COMMENT_BYTES = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class ExchangeSpan:
    """The consecutive records of an exchange, and what decides whether they are overwritten."""

    offset: int
    length: int
    record_ids: tuple[str, ...]
    url: str
    date: str
    refers_to: str | None
    "The record whose body its response repeats."
    asked_for: str | None
    "URL of the link that led here, before redirects."
    is_erased: bool
    part_of: str | None = None
    "Record id of the first page of the story of which it is a following page."
    names_it: bool = False
    "Whether it belongs to no link and its body contains a wanted text: a feed, a list."
    is_subresource: bool = False
    "Whether a page asked for it while it was rendered."
    shared: tuple[str, ...] = ()
    "Of a rendering: scripts that it was given, and that an earlier page had asked for."

    @property
    def names(self) -> set[str]:
        """What other exchanges name it by."""
        return {*self.record_ids, target_uri(self.url)}

    @property
    def uses(self) -> set[str]:
        """Names of other exchanges that it cannot be replayed without."""
        return {*self.shared, *([self.refers_to] if self.refers_to else [])}


@dataclass(kw_only=True)
class Takedown:
    """What an outlet's folder holds of the articles."""

    urls: set[str] = field(default_factory=set)
    "Every URL of the articles, requested or final."
    lines: int = 0
    "Lines of articles."
    named: int = 0
    "Lines of articles and rejections."
    open_files: list[str] = field(default_factory=list)
    "Names of files that a run is still writing and that name the articles."
    exchanges: dict[str, list[ExchangeSpan]] = field(default_factory=dict)
    "By WARC file."
    copies: list[str] = field(default_factory=list)
    "Names of other files that may contain the articles."


def find_takedown(
    folder: Path,
    urls: Iterable[str],
    *,
    with_exchanges: bool,
    with_sources: bool = False,
    is_whole_outlet: bool = False,
    on_archive: Callable[[], None] = lambda: None,
) -> Takedown:
    """What a folder holds of these pages; to find their exchanges, the WARC files are read from end to end.

    `with_sources` includes the exchanges of feeds and lists that contain a URL of these pages.
    `is_whole_outlet`: of all pages, those that no line names included, and of all feeds and lists.
    `on_archive` is called before each WARC file. ArchiveError names a file that is gone.
    """
    takedown = Takedown(
        urls=list_addresses(folder).union(urls) if is_whole_outlet else find_addresses(folder, urls)
    )
    wanted = set(map(normalize_url, takedown.urls))
    for path in _line_files(folder):
        for line in _iter_pages(path):
            if _is_about_pages(line, wanted):
                takedown.named += 1
                takedown.lines += "reason" not in line
    takedown.open_files = [
        path.name
        for path in _open_line_files(folder)
        if any(_is_about_pages(line, wanted) for line in _iter_pages(path))
    ]
    takedown.copies = sorted(path.name for pattern in COPIES for path in folder.glob(pattern))
    if with_exchanges and is_whole_outlet:
        takedown.exchanges = _find_all_exchanges(folder, on_archive, with_sources=with_sources)
    elif with_exchanges:
        texts = _url_spellings(takedown.urls) if with_sources else ()
        takedown.exchanges = _find_exchanges(folder, on_archive, wanted, texts)
    return takedown


def list_addresses(folder: Path) -> set[str]:
    """All URLs in a folder's lines."""
    return {url for line in _iter_page_lines(folder) for url in _line_urls(line)}


def find_addresses(folder: Path, urls: Iterable[str]) -> set[str]:
    """All URLs of these pages in a folder's lines: those that lead to them, and those they lead to."""
    addresses, ids = set(urls), set[str]()
    for _ in range(_REDIRECT_STEPS):
        wanted, size = set(map(normalize_url, addresses)), (len(addresses), len(ids))
        for line in _iter_page_lines(folder):
            if _is_related(line, wanted, ids):
                addresses |= set(_line_urls(line))
                ids |= {str(line["id"])} if "id" in line else set()
        if (len(addresses), len(ids)) == size:
            break
    return addresses


def _line_urls(line: dict[str, Any]) -> list[str]:
    """The URLs of a line's page, and those of the following pages of its story."""
    return [str(line["url"]), str(line["url_requested"]), *map(str, filter(None, story_page_urls(line)))]


def _is_related(line: dict[str, Any], wanted: set[str], ids: set[str]) -> bool:
    """Whether a line is about a wanted page, or about a page that shows the same article."""
    if normalize_url(str(line["url"])) in wanted:
        return True
    if "reason" not in line:
        return _is_about_pages(line, wanted)
    same = set(str(line.get("detail")).split()) if line["reason"] in _SAME_STORY else set()
    return bool(same & ids) or any(normalize_url(word) in wanted for word in same if "://" in word)


def _iter_page_lines(folder: Path) -> Iterator[dict[str, Any]]:
    """The pages of all lines, those of runs that are at work included."""
    for path in (*_line_files(folder), *_open_line_files(folder)):
        yield from _iter_pages(path)


def _iter_pages(path: Path) -> Iterator[dict[str, Any]]:
    for line in iter_lines(path):
        if data := _page_fields(line.fields):
            yield data


def _line_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob(f"*{ARTICLES_SUFFIX}") if parse_filename(path.name))


def _open_line_files(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{ARTICLES_SUFFIX}{OPEN_SUFFIX}"))


def _page_fields(fields: dict[str, Any] | None) -> dict[str, Any] | None:
    """The fields if they are those of an article or a rejection."""
    return fields if fields and "url_requested" in fields and "url" in fields else None


def _is_about_pages(line: dict[str, Any], wanted: set[str]) -> bool:
    return any(normalize_url(url) in wanted for url in _line_urls(line))


def _url_spellings(urls: Iterable[str]) -> list[bytes]:
    """URLs without scheme, as text, JSON and XML write them."""
    bare = [url.partition("://")[2].encode() for url in urls]
    return [
        form for text in bare for form in (text, text.replace(b"/", b"\\/"), text.replace(b"&", b"&amp;"))
    ]


def _find_exchanges(
    folder: Path, on_archive: Callable[[], None], wanted: set[str], texts: Collection[bytes]
) -> dict[str, list[ExchangeSpan]]:
    """Exchanges of these pages, of the redirects that led to them, and of revisits of their bodies.

    Of what the pages asked for while they were rendered, all that no other page was rendered with.
    """
    spans: dict[str, list[ExchangeSpan]] = {}
    subresources: list[tuple[str, ExchangeSpan]] = []
    remains: list[tuple[str, ExchangeSpan]] = []
    "What earlier takedowns left because other pages were rendered with it."
    used, used_elsewhere = set[str](), set[str]()
    "Record ids and addresses that the exchanges of these pages, and those of all others, need."
    blocked = set(map(normalize_url, read_blocked_urls(folder)))
    ids: set[str] = set()
    size = -1
    while len(ids) > size:  # a revisit may be in a file that was read before the file of its original
        size = len(ids)
        spans = {path.name: [] for path in warc_files(folder)}
        subresources, remains, used, used_elsewhere = [], [], set(), set()
        for name, spans_of_file in spans.items():
            on_archive()
            with open_warc(folder, name) as stream:
                for span in iter_spans(stream, texts):
                    if span.is_erased:
                        continue
                    is_concerned = _concerns_pages(span, wanted, ids)
                    (used if is_concerned else used_elsewhere).update(span.uses)
                    if not is_concerned:
                        if span.is_subresource and normalize_url(span.asked_for or "") in blocked:
                            remains.append((name, span))
                    elif span.is_subresource and normalize_url(span.url) not in wanted:
                        subresources.append((name, span))
                    else:
                        spans_of_file.append(span)
                        ids.update(span.record_ids)
    subresources += [(name, span) for name, span in remains if not used.isdisjoint(span.names)]
    for name, span in subresources:
        # A script or an answer that other pages were rendered with is not the article's own.
        if used_elsewhere.isdisjoint(span.names):
            spans[name].append(span)
    return {name: spans_of_file for name, spans_of_file in spans.items() if spans_of_file}


def _find_all_exchanges(
    folder: Path, on_archive: Callable[[], None], *, with_sources: bool
) -> dict[str, list[ExchangeSpan]]:
    """Every exchange that belongs to a link; `with_sources`: those of feeds, lists and robots.txt too."""
    spans: dict[str, list[ExchangeSpan]] = {}
    for path in warc_files(folder):
        on_archive()
        with open_warc(folder, path.name) as stream:
            every = [span for span in iter_spans(stream) if not span.is_erased]
        if chosen := [span for span in every if with_sources or _is_of_page(span)]:
            spans[path.name] = chosen
    return spans


def _is_of_page(span: ExchangeSpan) -> bool:
    """Whether it was made for a page rather than for a source or a site's own files."""
    return span.asked_for is not None or span.part_of is not None


def _concerns_pages(span: ExchangeSpan, wanted: set[str], ids: set[str]) -> bool:
    urls = filter(None, (span.url, span.asked_for))
    is_linked = span.refers_to in ids or span.part_of in ids
    return span.names_it or is_linked or any(normalize_url(url) in wanted for url in urls)


def iter_spans(stream: BinaryIO, texts: Collection[bytes] = ()) -> Iterator[ExchangeSpan]:
    """The exchanges of a WARC file that newscrawl wrote, in their order."""
    # A block is cut rather than left out: its record has to be erased whatever its size.
    slices = iter_slices(stream, lambda _kind, _headers, block: block.read(MAX_PAGE_BYTES))
    records = (
        WarcRecord(part.kind, part.headers, part.result, part.offset, part.length)
        for part in slices
        if part.kind != "warcinfo"
    )
    return (_make_span(group, texts) for group in group_records(records))


def _make_span(group: list[WarcRecord], texts: Collection[bytes]) -> ExchangeSpan:
    first, last = group[0], group[-1]
    metadata = next((parse_warc_fields(record.block) for record in group if record.kind == "metadata"), {})
    asked_for = read_link_url(metadata) or None
    part_of = metadata.get(PART_FIELD)
    return ExchangeSpan(
        offset=first.offset,
        length=last.offset + last.length - first.offset,
        record_ids=tuple(record.record_id for record in group),
        url=page_url(first.url),
        date=first.headers.get("warc-date", ""),
        refers_to=next(filter(None, (record.headers.get("warc-refers-to") for record in group)), None),
        asked_for=asked_for,
        part_of=part_of,
        is_erased=first.kind == "metadata" and b"\nerased: " in b"\n" + first.block,
        is_subresource=SUBRESOURCE_FIELD in metadata,
        shared=tuple(metadata.get(SHARED_FIELD, "").split()),
        names_it=bool(texts) and asked_for is None and part_of is None and _body_contains(first, texts),
    )


def _body_contains(record: WarcRecord, texts: Collection[bytes]) -> bool:
    """Whether a response's body contains any of the texts."""
    if record.kind != "response":
        return False
    try:
        content = split_message(record.block).content
    except ContentError:
        content = record.block
    return any(text in content for text in texts)


def overwrite_records(path: Path, spans: Collection[ExchangeSpan], reason: str, when: datetime) -> None:
    """Overwrite these exchanges of a finished file, whole or not at all; the manifest gets the new digest."""
    with (
        archive_errors(f"rewrite {path}"),
        path.open("rb") as source,
        atomic_write(path, _DRAFT_SUFFIX) as out,
    ):
        for span in sorted(spans, key=lambda span: span.offset):
            _copy(source, out, span.offset - out.tell())
            out.write(tombstone(span, reason, when))
            source.seek(span.offset + span.length)
        _copy(source, out, None)
        if out.tell() != path.stat().st_size:
            raise ArchiveError(f"{path}: the records to write do not have the length of the old records")
        remove_from_manifest(path)
    update_manifest(path)


def _copy(source: BinaryIO, out: BinaryIO, count: int | None) -> None:
    """Copy `count` bytes, or the rest."""
    while count is None or count > 0:
        data = source.read(COPY_BYTES if count is None else min(count, COPY_BYTES))
        if not data:
            return
        out.write(data)
        count = None if count is None else count - len(data)


def tombstone(span: ExchangeSpan, reason: str, when: datetime) -> bytes:
    """A gzip member with the length of the exchange; ArchiveError if it is too short for a tombstone."""
    fields = [("erased", rfc3339(when)), ("records", str(len(span.record_ids))), ("reason", reason)]
    for count in (3, 2, 1):
        if member := _fit_member(span, fields[:count]):
            return member
    raise ArchiveError(f"{span.url}: its records are too short to be replaced")


def _fit_member(span: ExchangeSpan, fields: list[tuple[str, str]]) -> bytes | None:
    """The member with these fields and the padding it takes; None if they are too long."""
    member = b"".join(gzip_member(_tombstone_record(span, fields), COMPRESSED))
    left = span.length - len(member)
    if left == 0:
        return member
    if 0 < left <= _MAX_COMMENT_BYTES:
        return _add_comment(member, left)
    return _uncompressed_member(span, fields) if left > 0 else None


def _add_comment(member: bytes, length: int) -> bytes:
    return _MEMBER_HEAD + b" " * (length - 1) + b"\0" + member[len(_MEMBER_HEAD) :]


def _uncompressed_member(span: ExchangeSpan, fields: list[tuple[str, str]]) -> bytes:
    """Without compression, so that each byte of padding is a byte of the member."""
    bare = _tombstone_record(span, [*fields, ("padding", "")])
    padding = max(0, span.length - _uncompressed_length(bare))
    while True:
        pieces = _tombstone_record(span, [*fields, ("padding", "." * padding)])
        left = span.length - _uncompressed_length(pieces)
        if left >= 0:
            break
        padding += left
    member = b"".join(gzip_member(pieces, STORED))
    return _add_comment(member, left) if left else member


def _uncompressed_length(pieces: BytePieces) -> int:
    blocks = sum(-(-len(piece) // _DEFLATE_BLOCK_BYTES) for piece in pieces)
    return len(_MEMBER_HEAD) + sum(map(len, pieces)) + (blocks + 1) * _DEFLATE_HEAD_BYTES + _MEMBER_TAIL_BYTES


def _tombstone_record(span: ExchangeSpan, fields: list[tuple[str, str]]) -> BytePieces:
    block = format_warc_fields(fields)
    headers = [
        ("WARC-Type", "metadata"),
        ("WARC-Record-ID", span.record_ids[0]),
        ("WARC-Date", span.date),
        ("WARC-Target-URI", span.url),
        ("Content-Type", "application/warc-fields"),
        ("WARC-Block-Digest", sha1_base32(block)),
    ]
    return serialize_record(headers, block)


def rewrite_lines(folder: Path, urls: set[str], reject: Callable[[dict[str, Any]], Rejection]) -> None:
    """Remove the lines of these pages; a rejection in the same run takes the place of each page's lines."""
    wanted = set(map(normalize_url, urls))
    for run in sorted({path.name.partition(".")[0] for path in _line_files(folder)}):
        path, rejected = (folder / f"{run}{suffix}" for suffix in (ARTICLES_SUFFIX, REJECTED_SUFFIX))
        remaining, removed = _split_lines(path, wanted)
        other_rejections, rejections = _split_lines(rejected, wanted)
        if not removed and all(line.get("reason") == TAKEN_DOWN for line in rejections):
            continue
        pages = {str(line["url_requested"]): line for line in (*rejections, *removed)}
        # The article goes last: after a kill between the two, it is found and taken down again.
        new = [json_line(reject(line)) for _, line in sorted(pages.items())]
        replace_lines(rejected, [*other_rejections, *new])
        if removed:
            replace_lines(path, remaining)


def _split_lines(path: Path, wanted: set[str]) -> tuple[list[bytes], list[dict[str, Any]]]:
    """Lines that stay, and the fields of lines about wanted pages; a run may have left no such file."""
    remaining: list[bytes] = []
    removed: list[dict[str, Any]] = []
    for line in iter_lines(path) if path.exists() else ():
        data = _page_fields(line.fields)
        if data and _is_about_pages(data, wanted):
            removed.append(data)
        else:
            remaining.append(line.raw)
    return remaining, removed


def takedown_rejection(line: dict[str, Any], outlet: str, reason: str, when: str) -> Rejection:
    """What takes the place of a page's lines: that it was taken down, and nothing of its content."""
    return Rejection(
        url=str(line["url"]),
        url_requested=str(line["url_requested"]),
        source=outlet,
        step=STEP,
        reason=TAKEN_DOWN,
        detail=f"{when}: {reason}" if reason else when,
        fetched=line.get("fetched"),
    )


def block_replay(folder: Path, urls: Iterable[str]) -> None:
    """Add URLs to the list that no replay may show, sorted in reverse as pywb searches it."""
    path = folder / BLOCK_LIST
    lines = set(path.read_text("utf-8").splitlines()) if path.exists() else set()
    for url in urls:
        lines.add(f"{surt(url)}### - {json.dumps({'access': 'block', 'url': url})}")
    with atomic_write(path) as out:
        out.write("".join(f"{line}\n" for line in sorted(lines, reverse=True)).encode())


def read_blocked_urls(folder: Path) -> list[str]:
    """The URLs that no replay may show."""
    path = folder / BLOCK_LIST
    try:
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        return [str(json.loads(line.split(" ", 2)[2])["url"]) for line in lines if line]
    except (OSError, ValueError, LookupError) as error:
        raise ArchiveError(f"cannot read {path}: {error}") from error
