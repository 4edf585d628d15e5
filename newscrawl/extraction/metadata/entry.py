"""What a feed's entry says beside the story: used where the page is silent, flagged where they disagree."""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from newscrawl.extraction.metadata.date_parser import ParsedDate, parse_date
from newscrawl.extraction.metadata.names import clean_authors, is_login_name, parse_byline, squash
from newscrawl.extraction.metadata.topics import MAX_TAG_CHARS, MAX_TAGS, NO_SECTION
from newscrawl.extraction.normalize import match_key, normalize_spaces
from newscrawl.extraction.witness import Witness, comparable_words
from newscrawl.items import Author

MAX_ENTRY_AUTHORS = 20
MOST_DAYS_APART = 1
"Days between two dates of the same story: their zones may differ."
TITLE_DISAGREES, DATE_DISAGREES = "title_disagrees", "date_disagrees"


def read_entry_authors(witness: Witness, sites: Iterable[str], lang: str | None) -> list[Author]:
    """The authors of an entry, without accounts of the site's system and names of the site itself."""
    own_names = {squash(name) for name in sites} - {""}
    named = (author for line in witness.authors for author in parse_byline(line, lang))
    return [
        author
        for author in clean_authors(named, own_names, MAX_ENTRY_AUTHORS)
        if not is_login_name(author.name) and squash(author.name) not in own_names
    ]


def read_entry_tags(witness: Witness) -> list[str]:
    """The categories of an entry, each once, without those that say nothing of a story."""
    tags = {match_key(tag): normalize_spaces(tag) for tag in reversed(witness.tags)}
    tags = {key: tag for key, tag in reversed(tags.items()) if key and key not in NO_SECTION}
    return [tag for tag in tags.values() if len(tag) <= MAX_TAG_CHARS][:MAX_TAGS]


def find_contradictions(
    witness: Witness, title: str | None, published: ParsedDate | None, zone: ZoneInfo | None
) -> list[str]:
    """Flags for what entry and page say in different ways."""
    theirs, ours = set(comparable_words(witness.title or "")), set(comparable_words(title or ""))
    dated = parse_date(witness.published, zone) if witness.published else None
    is_other_day = (
        dated is not None
        and published is not None
        and abs((dated.day - published.day).days) > MOST_DAYS_APART
    )
    return [
        *([TITLE_DISAGREES] if theirs and ours and not theirs & ours else []),
        *([DATE_DISAGREES] if is_other_day else []),
    ]
