"""Archived pages beside their witnesses: where the classifier differs, and labels to fit another one.

Only pages whose feed or API has the whole story are compared and labelled; each other page has an outcome.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Future
from concurrent.futures import TimeoutError as FutureTimeout
from functools import lru_cache, partial
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar, cast

from pebble import ProcessExpired, ProcessPool

from newscrawl.archive.memory_files import find_memory
from newscrawl.archive.pages import PageLocation
from newscrawl.archive.reextract import PageTask, explain_page, load_memory, run_ahead
from newscrawl.archive.story_records import WITNESS_MISSING, StoryRecords, read_story
from newscrawl.errors import ArchiveError, MachineFault, NewscrawlError, run_or_blame_machine
from newscrawl.extraction.blocks import Frame, TextBlock
from newscrawl.extraction.classifier.model import BlockClassifier, load_model
from newscrawl.extraction.extract import ExtractionTrace
from newscrawl.extraction.parse import MAX_BYTES
from newscrawl.extraction.witness_vote import WitnessVote
from newscrawl.items import Article, BlockKind
from newscrawl.outlet import Outlet

logger = logging.getLogger(__name__)

WHOLE, PARTIAL = "whole", "partial"
"Outcomes of articles whose witness was compared: it has the whole story, or a part of it."
NO_WITNESS, TEASER = "no_witness", "teaser"
"No source gave the story; what it gave is no more than a teaser, or of another page."
MAX_DIFFERENCES = 100
"Differing blocks of a page that are looked at."
_SAMPLE_CHARS = 80
_PLAIN_CLASS = re.compile(r"[A-Za-z_][\w-]{0,40}", re.ASCII)
_CLASSES = 2
"Classes of an element that its place names."
_LEVELS = 2
"Elements that a place names."

Result = TypeVar("Result")


class BlockDifference(NamedTuple):
    """A block that only the classifier, or only the witness, has in the story."""

    only: Literal["classifier", "witness"]
    kind: BlockKind
    place: str
    "CSS selector of its element and the one around, as `div.related p`."
    chars: int
    sample: str
    "Its first characters."


class ComparedPage(NamedTuple):
    """A page of an archive, and what its witness says about the classifier."""

    outcome: str
    "One of the outcomes above, `witness_missing`, or the reason why the page is no article."
    article: Article | None
    "The article as the archive gives it, with its witness; None if the page is none."
    differences: list[BlockDifference]
    "Of a page with a whole witness."


class LabelledPage(NamedTuple):
    """A page whose blocks are labelled by its whole witness."""

    article: Article
    html: bytes
    "As the server sent it, without content coding."
    paragraphs: list[str]
    "Texts of the story's blocks, in page order."
    optional: list[int]
    "Numbers, from 0, of those that the witness lacks and the classifier is sure of."


def compare_at(place: PageLocation, outlet: Outlet | None, model: Path | None = None) -> ComparedPage:
    """Compare the classifier, or the one in the file `model`, with the witness of an archived page."""
    story, trace = _explain_at(place, outlet, load_classifier_once(model) if model else None)
    article, vote = trace.result, _read_vote(trace)
    outcome = _name_outcome(story, trace)
    if not isinstance(article, Article):
        return ComparedPage(outcome, None, [])
    blocks = trace.view.blocks if trace.view else []
    is_compared = vote is not None and outcome == WHOLE
    return ComparedPage(outcome, article, _find_differences(blocks, vote) if vote and is_compared else [])


def label_at(place: PageLocation, outlet: Outlet | None) -> LabelledPage | str:
    """Label the blocks of an archived page by its whole witness; else the outcome of the page."""
    story, trace = _explain_at(place, outlet)
    article, vote, outcome = trace.result, _read_vote(trace), _name_outcome(story, trace)
    if not isinstance(article, Article) or vote is None or trace.view is None or outcome != WHOLE:
        return outcome
    chosen = [at for at, is_story in enumerate(vote.in_story) if is_story]
    return LabelledPage(
        article=article,
        html=story.page.message.decode(MAX_BYTES + 1).data,
        paragraphs=[trace.view.blocks[at].text for at in chosen],
        optional=[number for number, at in enumerate(chosen) if not vote.has[at]],
    )


def work_on_pages(
    pages: Iterable[PageTask],
    work: Callable[[PageLocation, Outlet | None], Result],
    *,
    pool: ProcessPool,
    seconds: float,
    ahead: int,
) -> Iterator[tuple[PageLocation, Result | NewscrawlError]]:
    """What `work` makes of each page in a worker process, in order; at most `ahead` pages at once.

    A page that cannot be read, takes longer than `seconds` or ends its worker gives an error in place of a
    result. MachineFault when the machine, rather than a page, is to blame.
    """

    def schedule(task: PageTask) -> Future[Result]:
        return cast(
            "Future[Result]",
            pool.schedule(partial(run_or_blame_machine, partial(work, *task)), timeout=seconds),
        )

    for (place, _), future in run_ahead(pages, schedule, ahead):
        result = _await_result(place, future, seconds)
        yield place, result


def _await_result(place: PageLocation, future: Future[Result], seconds: float) -> Result | NewscrawlError:
    where = f"{place.folder / place.pointer.file} at {place.pointer.offset}"
    try:
        return future.result()
    except (TimeoutError, FutureTimeout):
        return NewscrawlError(f"{where}: took longer than {seconds:g} s")
    except ProcessExpired as error:
        return NewscrawlError(f"{where}: its worker ended: {error}")
    except MachineFault:
        raise
    except ArchiveError as error:
        return error
    except BrokenExecutor as error:
        raise NewscrawlError(f"the worker processes cannot run: {error}") from error
    except Exception as error:
        logger.exception("%s: extraction failed", place.url)
        return NewscrawlError(f"{where}: {type(error).__name__}: {error}")


@lru_cache(maxsize=2)
def load_classifier_once(path: Path) -> BlockClassifier:
    """The classifier in a file, loaded once in a process."""
    return load_model(path)


def _explain_at(
    place: PageLocation, outlet: Outlet | None, classifier: BlockClassifier | None = None
) -> tuple[StoryRecords, ExtractionTrace]:
    memory = find_memory(place.folder, place.memory) if place.memory else None
    story = read_story(place.folder, place.pointer, place.parts)
    return story, explain_page(story, outlet, load_memory(memory) if memory else None, classifier)


def _read_vote(trace: ExtractionTrace) -> WitnessVote | None:
    return trace.body.selection.witness if trace.body else None


def _name_outcome(story: StoryRecords, trace: ExtractionTrace) -> str:
    if not isinstance(trace.result, Article):
        return trace.result.reason
    if vote := _read_vote(trace):
        return WHOLE if vote.decides else PARTIAL
    if story.witness:
        return TEASER
    return WITNESS_MISSING if WITNESS_MISSING in story.flags else NO_WITNESS


def _find_differences(blocks: Sequence[TextBlock], vote: WitnessVote) -> list[BlockDifference]:
    differing = (
        (block, is_extra)
        for block, is_extra, is_missed in zip(
            blocks, vote.agreement.extra, vote.agreement.missed, strict=True
        )
        if is_extra or is_missed
    )
    return [
        BlockDifference(
            only="classifier" if is_extra else "witness",
            kind=block.kind,
            place=name_place(block.frame),
            chars=len(block.text),
            sample=block.text[:_SAMPLE_CHARS],
        )
        for block, is_extra in islice(differing, MAX_DIFFERENCES)
    ]


def name_place(frame: Frame) -> str:
    """A CSS selector of an element and the block around it; classes that would need escapes are left out."""
    frames = [frame, *islice(frame.ancestors(), _LEVELS - 1)]
    selectors = [
        ".".join([around.tag, *islice(filter(_PLAIN_CLASS.fullmatch, around.classes.split()), _CLASSES)])
        for around in reversed(frames)
    ]
    return " ".join(selectors)
