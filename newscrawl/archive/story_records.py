"""The records that a story is read from: its page, and the answer of a feed or an API that has it whole.

The page's metadata says where that answer is. What cannot be read of it costs the page its witness, and never
the page itself.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from pydantic import ValidationError

from newscrawl.archive.pages import is_newscrawl_page, read_any_page
from newscrawl.discovery.drupal import read_node
from newscrawl.discovery.feeds import read_feed
from newscrawl.discovery.sources import REREAD_BYTES, is_worth_rereading
from newscrawl.discovery.text import CONTENT_BYTES
from newscrawl.discovery.wordpress import read_post, read_posts
from newscrawl.errors import ArchiveError, find_machine_fault
from newscrawl.extraction.amp import is_guarded_amp
from newscrawl.extraction.metadata.rights import list_source_reservations
from newscrawl.extraction.parse import MAX_BYTES
from newscrawl.extraction.story_forms import AMP
from newscrawl.extraction.witness import Witness
from newscrawl.items import Link, WarcPointer, WitnessPointer, WitnessSource
from newscrawl.urls import normalize_url
from newscrawl.warc.http import ContentError, Message
from newscrawl.warc.packages import split_package_name
from newscrawl.warc.reader import ArchivedPage, read_page
from newscrawl.warc.story_parts import SOURCE_RIGHTS_FIELD, WITNESS_FIELD, read_story_part

logger = logging.getLogger(__name__)

WITNESS_MISSING = "witness_missing"
"Flag of a page whose witness cannot be read."
ANSWERS_IN_MEMORY = 8
"Answers that were read, or single entries of them, that a process holds, each of at most REREAD_BYTES."
BODIES_IN_MEMORY = 2
"Answers that a process holds as they were sent: neighbouring pages are often from the same one."
_JSON = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,100}[{\[]")
FOLLOWING_BYTES = 128 * 1024 * 1024
"Following pages of a story that are held in memory; those beyond are missing."
_ANSWERS = ("response", "revisit")
READ = "read"
"Outcome of another form that gave the story."
_FORM_READERS: Mapping[str, Callable[[bytes, str], Link | None]] = {
    "wordpress": read_post,
    "drupal": read_node,
}
"For each form in JSON, how the story of an answer is read."


class SourceAnswer(NamedTuple):
    """Where the answer of a source is."""

    folder: Path
    file: str
    offset: int
    record_id: str
    source: WitnessSource


class AnswerContent(NamedTuple):
    """What a source sent, without content coding."""

    body: bytes
    url: str
    headers: Mapping[str, str]
    "By lower-case name."


Entries = Mapping[tuple[str, str], Link]
"The entries of a source that have a whole story, by their id and the digest of the story."


@dataclass(frozen=True, kw_only=True, slots=True)
class StoryRecords:
    """A page with everything else in the archive that its story is read from."""

    page: ArchivedPage
    witness: Witness | None = None
    "The story as a source gives it; None if no source did, or if that cannot be read."
    following: tuple[ArchivedPage, ...] = ()
    "The following pages of the story, as far as they can be read."
    amp: ArchivedPage | None = None
    "The AMP page, if it was fetched because the page has no text."
    form_outcome: str = ""
    "What came of the record of another form: `read`, or why there is no story in it; empty without one."
    flags: tuple[str, ...] = ()
    "What is missing, for `quality.flags`."


def read_story(folder: Path, pointer: WarcPointer, parts: Sequence[WarcPointer] = ()) -> StoryRecords:
    """Read the page at a pointer and what completes it; ArchiveError when there is no whole record of it."""
    page = read_any_page(folder, pointer, parts)
    story = complete_story(folder, page)
    if not parts or not is_newscrawl_page(page):
        return story
    following: list[ArchivedPage] = []
    for other in _read_parts(folder, page, parts):
        part = read_story_part(other.metadata)
        if part is None or not part.form:
            following.append(other)
        else:
            story = _add_form(story, other, part.form)
    return replace(story, following=tuple(following))


def _add_form(story: StoryRecords, record: ArchivedPage, form: str) -> StoryRecords:
    """A story with another form of it, which was asked for because no source had given all of it."""
    if not HTTPStatus.OK <= (record.message.status or 0) < HTTPStatus.MULTIPLE_CHOICES:
        return story
    if form == AMP:
        return _add_amp(story, record)
    url = story.page.response.url
    try:
        answer = _decode_answer(record, f"{record.pointer.file} at {record.pointer.offset}")
    except ArchiveError as error:
        logger.info("%s: its %s form is not used: %s", url, form, error)
        return replace(story, form_outcome="unreadable")
    read = _FORM_READERS.get(form)
    entry = read(answer.body, answer.url) if read else None
    if entry is None or not entry.content:
        return replace(story, form_outcome="no_story")
    if not _is_about(entry.url, url) and entry.url != answer.url:
        return replace(story, form_outcome="other_story")
    witness = _make_witness(entry, entry.content, "api", answer, record.metadata)
    flags = tuple(flag for flag in story.flags if flag != WITNESS_MISSING)
    return replace(story, witness=witness, flags=flags, form_outcome=READ)


def _add_amp(story: StoryRecords, record: ArchivedPage) -> StoryRecords:
    """A story with its AMP page, unless that may hold what it does not show to everybody."""
    try:
        is_guarded = is_guarded_amp(record.message.decode(MAX_BYTES + 1).data)
    except ContentError:
        return replace(story, form_outcome="unreadable")
    return (
        replace(story, form_outcome="walled") if is_guarded else replace(story, amp=record, form_outcome=READ)
    )


def _is_about(named: str, url: str) -> bool:
    """Whether the address that a document gives for its story is the page's, maybe on another host."""
    ours, theirs = normalize_url(url), normalize_url(named)
    path = urlsplit(ours).path.rstrip("/")
    return ours == theirs or (bool(path) and urlsplit(theirs).path.rstrip("/") == path)


def _read_parts(folder: Path, first: ArchivedPage, parts: Sequence[WarcPointer]) -> Iterator[ArchivedPage]:
    """Those of the records that belong to the story; of a page that cannot be read its absence tells."""
    size = 0
    for pointer in parts:
        try:
            page = read_page(folder, pointer)
        except ArchiveError as error:
            if find_machine_fault(error):
                raise
            logger.info("%s: a following page is missing: %s", first.response.url, error)
            continue
        part = read_story_part(page.metadata)
        if part and part.first_id == first.pointer.record_id:
            size += len(page.response.block)
            if size > FOLLOWING_BYTES:
                logger.info("%s: its following pages are too large together", first.response.url)
                return
            yield page


def complete_story(folder: Path, page: ArchivedPage) -> StoryRecords:
    """A page of a file in this folder, with its witness."""
    try:
        return StoryRecords(page=page, witness=read_witness(folder, page))
    except ArchiveError as error:
        if find_machine_fault(error):
            raise
        logger.info("%s: no witness: %s", page.response.url, error)
        return StoryRecords(page=page, flags=(WITNESS_MISSING,))


def locate_witness(link: Link, source: WitnessSource, answer: WarcPointer) -> WitnessPointer | None:
    """Where the archive has the story of a link; None if its source does not have all of it."""
    content = _encode_content(link)
    if not 0 < len(content) < CONTENT_BYTES:
        return None
    entry, digest = _entry_key(link)
    return WitnessPointer(**answer.model_dump(), source=source, entry=entry, content_sha256=digest)


def _encode_content(link: Link) -> bytes:
    return (link.content or "").encode("utf-8", "replace")


def _entry_key(link: Link) -> tuple[str, str]:
    """What a pointer names an entry by: its id, and the digest of its story."""
    return link.guid or link.url, hashlib.sha256(_encode_content(link)).hexdigest()


def read_witness(folder: Path, page: ArchivedPage) -> Witness | None:
    """The witness that a page's metadata names; None without one, ArchiveError if it cannot be read."""
    note = page.metadata.get(WITNESS_FIELD)
    if note is None or not is_newscrawl_page(page):
        return None
    try:
        pointer = WitnessPointer.model_validate_json(note)
    except ValidationError as error:
        raise ArchiveError(f"{page.response.record_id}: where its witness is cannot be read") from error
    entry, answer = _find_entry(folder, page.pointer.file, pointer)
    if entry is None or entry.content is None:
        raise ArchiveError(f"{pointer.file} at {pointer.offset}: the story of {pointer.entry} is another")
    return _make_witness(entry, entry.content, pointer.source, answer, page.metadata)


def _make_witness(
    entry: Link, html: str, source: WitnessSource, answer: AnswerContent, notes: Mapping[str, str]
) -> Witness:
    """The story of an entry; `notes` are the metadata that say what the site's files state of the answer."""
    return Witness(
        html=html,
        source=source,
        title=entry.title,
        published=entry.published,
        authors=entry.authors,
        tags=entry.tags,
        reserved_by=list_source_reservations(answer.url, answer.headers, notes.get(SOURCE_RIGHTS_FIELD)),
    )


def _find_entry(folder: Path, page_file: str, pointer: WitnessPointer) -> tuple[Link | None, AnswerContent]:
    """The entry in the folder of a page, or in its package."""
    if Path(pointer.file).name != pointer.file:
        raise ArchiveError(f"{pointer.file!r} is no name of a file")
    packaged = split_package_name(page_file)
    if packaged:
        inside = str(Path(packaged[0], packaged[1]).with_name(pointer.file))
        try:
            return _find_in_answer(folder, pointer.model_copy(update={"file": inside}))
        except ArchiveError as error:
            if find_machine_fault(error):
                raise
    return _find_in_answer(folder, pointer)


def _find_in_answer(folder: Path, pointer: WitnessPointer) -> tuple[Link | None, AnswerContent]:
    """The entry in the answer of its source; first among those that print its id as it is."""
    answer = SourceAnswer(folder, pointer.file, pointer.offset, pointer.record_id, pointer.source)
    key = (pointer.entry, pointer.content_sha256)
    content = _read_answer(answer)
    # JSON is read as a whole in any case, so that all of its entries are kept at once.
    has_single_entries = pointer.source == "feed" and not _JSON.match(content.body)
    if has_single_entries and (entry := _read_entries(answer, pointer.entry).get(key)):
        return entry, content
    return _read_entries(answer).get(key), content


@lru_cache(maxsize=ANSWERS_IN_MEMORY)
def _read_entries(answer: SourceAnswer, entry_id: str | None = None) -> Entries:
    """The entries of an answer, or only those with an id; many pages may be from one answer."""
    content = _read_answer(answer)
    if answer.source == "feed":
        result = read_feed(content.body, content.url, content.headers.get("content-type"), entry_id)
    else:
        result = read_posts(content.body, content.url)
    return {_entry_key(link): link for link in result.links if link.content}


@lru_cache(maxsize=BODIES_IN_MEMORY)
def _read_answer(answer: SourceAnswer) -> AnswerContent:
    """What the source sent; ArchiveError if it is not there, or too long to be read again."""
    place = f"{answer.folder / answer.file} at {answer.offset}"
    pointer = WarcPointer(file=answer.file, offset=answer.offset, length=0, record_id=answer.record_id)
    archived = read_page(answer.folder, pointer)
    if archived.response.kind not in _ANSWERS:
        raise ArchiveError(f"{place}: a {archived.response.kind} record, no answer of a source")
    return _decode_answer(archived, place)


def _decode_answer(archived: ArchivedPage, place: str) -> AnswerContent:
    message = archived.message
    try:
        body = message.decode(REREAD_BYTES + 1).data
    except ContentError as error:
        raise ArchiveError(f"{place}: {error}") from error
    if not is_worth_rereading(body):
        raise ArchiveError(f"{place}: too long to be read again")
    return AnswerContent(body, archived.response.url, read_headers(message))


def read_headers(message: Message) -> dict[str, str]:
    """Headers by name. Repeated X-Robots-Tag headers stay apart, since each may name the robot it is for."""
    tags = [value for name, value in message.headers if name.lower() == "x-robots-tag"]
    return {**message.by_name, **({"x-robots-tag": "\n".join(tags)} if tags else {})}
