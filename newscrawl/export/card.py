"""The card of a Hugging Face data set: README.md with the features, the splits, and what the rows are.

`datasets.load_dataset(folder)` reads the YAML at its head (https://huggingface.co/docs/hub/datasets-manual-configuration);
people read the rest.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from newscrawl import __version__
from newscrawl.export.schemas import COLUMNS, DAY_COLUMN, NO_LANGUAGE, TYPED_TIMES, ColumnType, parse_day
from newscrawl.items import Article

CARD_NAME = "README.md"
DATA_FOLDER = "data"
"Folder of the files, beside the card."
OWN_TEXT = "<!-- Everything below this line is kept when the export runs again. -->"
JsonObject = dict[str, Any]
_TYPES: dict[ColumnType, str] = {"text": "string", "int": "int64", "float": "float64", "bool": "bool"}
_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
)
_HUGE = "100M<n<1B"
_MAX_NAMED = 3
"Outlets that the title of a card names; of more it gives the number."
_RIGHTS = {
    "free": "neither page nor site reserves use by machines",
    "archive": "reserved by page or site; the crawl or its outlet chose `archive`",
    "reserved": "reserved by page or site, exported by `--include-reserved`",
}


@dataclass(kw_only=True)
class PartitionFacts:
    """What a card says of the rows of a partition; all sums, so that partitions can be added up."""

    languages: Counter[str] = field(default_factory=Counter)
    "Rows by the language of their text; `mixed` for a text of several."
    codes: Counter[str] = field(default_factory=Counter)
    "Rows in which a language occurs at all."
    rights: Counter[str] = field(default_factory=Counter)
    publishers: Counter[str] = field(default_factory=Counter)
    makers: Counter[str] = field(default_factory=Counter)
    "Rows by the program and version that made the text, and by the version of their form."
    words: int = 0
    published: tuple[str, str] | None = None
    "First and last day of publication."
    fetched: tuple[str, str] | None = None

    def add(self, article: Article) -> None:
        self.languages["mixed" if article.is_mixed else article.lang or "und"] += 1
        parts = {part.lang for part in article.lang_mix} | {article.lang or ""}
        self.codes.update(sorted(parts - NO_LANGUAGE - {""}))
        is_reserved = bool(article.rights.tdm_reserved or article.rights.reserved_by or article.rights.policy)
        self.rights[("reserved" if article.rights.is_reserved else "archive") if is_reserved else "free"] += 1
        self.publishers[article.publisher or article.domain or ""] += 1
        self.makers[f"{article.extractor.name} {article.extractor.version}, {article.schema_}"] += 1
        self.words += article.word_count or 0
        self.published = _widen(self.published, article.published)
        self.fetched = _widen(self.fetched, article.fetched)

    def merge(self, other: PartitionFacts) -> None:
        for name in ("languages", "codes", "rights", "publishers", "makers"):
            getattr(self, name).update(getattr(other, name))
        self.words += other.words
        for moment in other.published or ():
            self.published = _widen(self.published, moment)
        for moment in other.fetched or ():
            self.fetched = _widen(self.fetched, moment)

    def as_dict(self) -> JsonObject:
        counters = ("languages", "codes", "rights", "publishers", "makers")
        return {
            **{name: dict(sorted(getattr(self, name).items())) for name in counters},
            "words": self.words,
            "published": self.published,
            "fetched": self.fetched,
        }

    @classmethod
    def load(cls, data: Mapping[str, Any]) -> PartitionFacts:
        counters = ("languages", "codes", "rights", "publishers", "makers")
        return cls(
            **{name: Counter(data[name]) for name in counters},
            words=data["words"],
            published=_load_days(data["published"]),
            fetched=_load_days(data["fetched"]),
        )


def write_card(units: Mapping[str, JsonObject], options: JsonObject, suffix: str, former: str = "") -> str:
    """The text of README.md for the partitions of an export; `former` is the card that it replaces.

    `units`: partitions by key, as the manifest has them, with facts. `suffix`: of the files.
    """
    filled = {key: unit for key, unit in sorted(units.items()) if unit["files"]}
    facts = PartitionFacts()
    for unit in filled.values():
        facts.merge(PartitionFacts.load(unit["facts"]))
    _, mark, own_text = former.partition(OWN_TEXT)
    left_out: Counter[str] = Counter()
    for unit in units.values():
        left_out.update(unit["counts"]["left_out"])
    head = [*_front_matter(filled, facts, options, suffix), *_describe(filled, facts, options)]
    if left_out:
        head += _make_table("Left out", ("reason", "articles"), _order(left_out))
    return "\n".join([*head, "", OWN_TEXT]) + (own_text if mark else "\n")


def split_name(day: str) -> str:
    """`day_2026_03_04`: the name of a split holds no hyphen, and YAML takes 2026_03_04 for a number."""
    return f"day_{day.replace('-', '_')}"


def _front_matter(
    units: Mapping[str, JsonObject], facts: PartitionFacts, options: JsonObject, suffix: str
) -> Iterator[str]:
    """What programs read. Strings are quoted as JSON, which YAML reads the same way."""
    rows = _sum_rows(units)
    days = sorted({_read_day(key) for key in units})
    yield "---"
    yield f"pretty_name: {json.dumps(_make_title(units), ensure_ascii=False)}"
    if facts.codes:
        # The Hub knows languages without their regions.
        yield f"language: {json.dumps(sorted({code.partition('-')[0] for code in facts.codes}))}"
    yield "license: other"
    yield 'task_categories: ["text-generation"]'
    yield 'tags: ["news", "newscrawl"]'
    size = next((name for size, name in _SIZES if rows < size), _HUGE)
    yield f"size_categories: {json.dumps([size])}"
    if not days:
        yield "---"
        return
    yield "configs:"
    yield "- config_name: default"
    yield "  data_files:"
    for day in days:
        yield f"  - split: {split_name(day)}"
        yield f"    path: {json.dumps(f'{DATA_FOLDER}/outlet=*/date={day}/articles{suffix}')}"
    yield "- config_name: all"
    yield "  data_files:"
    yield "  - split: train"
    yield f"    path: {json.dumps(f'{DATA_FOLDER}/outlet=*/date=*/articles{suffix}')}"
    yield "dataset_info:"
    for config in ("default", "all"):
        yield f"- config_name: {config}"
        yield "  features:"
        for name, kind in _iter_features(options["format"]):
            yield f"  - name: {name}"
            yield "    list: string" if kind == "texts" else f"    dtype: {kind}"
    yield "---"


def _iter_features(format_name: str) -> Iterator[tuple[str, str]]:
    """Names and types; only Parquet has the typed times."""
    for name, (kind, _) in COLUMNS.items():
        yield name, _TYPES.get(kind, kind)
    if format_name == "parquet":
        yield from ((name, "timestamp[us, tz=UTC]") for name in TYPED_TIMES)
        yield DAY_COLUMN, "date32"


def _describe(units: Mapping[str, JsonObject], facts: PartitionFacts, options: JsonObject) -> Iterator[str]:
    """What people read."""
    rows, size = _sum_rows(units), sum(file["bytes"] for unit in units.values() for file in unit["files"])
    yield f"# {_make_title(units)}"
    yield ""
    yield f"{rows:,} articles of {facts.words:,} words in {size:,} bytes."
    if facts.published:
        yield f"They were published from {facts.published[0]} to {facts.published[1]}."
    if facts.fetched:
        yield f"Their pages were fetched from {facts.fetched[0]} to {facts.fetched[1]}."
    if units:
        day = split_name(_read_day(next(iter(units))))
        yield from ("", "```python", "from datasets import load_dataset", "")
        yield f'day = load_dataset("path/to/this/folder", split="{day}")'
        yield 'everything = load_dataset("path/to/this/folder", "all", split="train")'
        yield "```"
        yield from ("", "A split holds what the crawls that began on a day (UTC) wrote; `published` and")
        yield "`published_on` say when a story came out."
    yield from _make_table("Sources", ("outlet", "articles", "bytes"), _sum_outlets(units))
    yield from _make_table("Splits", ("split", "articles", "bytes"), _sum_splits(units))
    yield from _make_table("Languages", ("language of the text", "articles"), _order(facts.languages))
    yield from ("", "`mixed`: texts of several languages; `share_fr` and `share_en` say how much of each.")
    yield from _make_table("Publishers", ("publisher", "articles"), _order(facts.publishers))
    yield from ("", "## Rights", "")
    yield "The texts belong to their publishers; this data set grants no licence to them. What page and site"
    yield "say about use by machines (TDMRep, robots directives, Content-Signal, ai.txt):"
    named = [(_RIGHTS[name], count) for name, count in _order(facts.rights)]
    yield from _make_table("", ("statement", "articles"), named)
    yield from ("", "## How it was made", "")
    yield f"newscrawl {__version__} exported it as {options['format']} with this selection:"
    yield from ("", "```json", json.dumps(options["selection"], sort_keys=True), "```", "")
    yield "Every page was archived as WARC before it was read, and each row names its record (`warc_file`,"
    yield "`warc_offset`, `warc_record_id`). Text, languages and metadata were made from the record by:"
    yield from _make_table("", ("program, form of its lines", "articles"), _order(facts.makers))


def _make_table(title: str, heads: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
    lines = list(rows)
    if title:
        yield from ("", f"## {title}")
    if not lines:
        return
    yield from ("", f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}")
    for line in lines:
        yield f"| {' | '.join(map(_make_cell, line))} |"


def _make_cell(value: Any) -> str:
    """A value in a table; a publisher's name must not end the cell or begin markup."""
    if isinstance(value, int):
        return f"{value:,}"
    text = " ".join(str(value).split())
    for sign in ("&", "<", "|"):
        text = text.replace(sign, f"&#{ord(sign)};")
    return text


def _order(counts: Counter[str]) -> list[tuple[str, int]]:
    """The largest first, equal ones by name."""
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _sum_outlets(units: Mapping[str, JsonObject]) -> list[tuple[str, int, int]]:
    return _sum_by({key: _read_outlet(key) for key in units}, units)


def _sum_splits(units: Mapping[str, JsonObject]) -> list[tuple[str, int, int]]:
    return _sum_by({key: split_name(_read_day(key)) for key in units}, units)


def _sum_by(names: Mapping[str, str], units: Mapping[str, JsonObject]) -> list[tuple[str, int, int]]:
    rows: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for key, unit in units.items():
        rows[names[key]] += unit["counts"]["rows"]
        sizes[names[key]] += sum(file["bytes"] for file in unit["files"])
    return [(name, rows[name], sizes[name]) for name in sorted(rows)]


def _sum_rows(units: Mapping[str, JsonObject]) -> int:
    return sum(unit["counts"]["rows"] for unit in units.values())


def _make_title(units: Mapping[str, JsonObject]) -> str:
    outlets = sorted({_read_outlet(key) for key in units})
    return (
        f"News of {', '.join(outlets)}"
        if 0 < len(outlets) <= _MAX_NAMED
        else f"News of {len(outlets)} outlets"
    )


def _read_outlet(key: str) -> str:
    return key.partition("/")[0].removeprefix("outlet=")


def _read_day(key: str) -> str:
    return key.rpartition("date=")[2]


def _widen(days: tuple[str, str] | None, text: str | None) -> tuple[str, str] | None:
    """The range with one more day in it; a text that is no day changes nothing."""
    if (day := parse_day(text)) is None:
        return days
    first, last = days or (str(day), str(day))
    return min(first, str(day)), max(last, str(day))


def _load_days(days: Any) -> tuple[str, str] | None:
    return (days[0], days[1]) if days else None
