"""What decides the lines of `newscrawl extract`: rules, memories, filters, and the digest of it all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from newscrawl import __version__, settings
from newscrawl.archive.memory_files import newest_memory
from newscrawl.archive.pages import ArchiveFile, PageLocation
from newscrawl.cli import ui
from newscrawl.digests import json_digest
from newscrawl.items import RightsPolicy
from newscrawl.outlet import Outlet, parse_rights_policy
from newscrawl.pipelines.judgements import ArticleJudge

LIBRARIES = ("trafilatura", "lxml", "langdetect", "warcio")
"Their version may change a line: an unfinished file that was made with another version is started again."
Rules = Mapping[Path, Outlet | None]
Memories = dict[Path, str] | None
"Names of memories by folder; None where each run's own is used."


@dataclass
class ArticleFilters:
    """What a crawl's pipelines do with an article before it is written, for each run by itself."""

    min_chars: int
    default_policy: RightsPolicy
    "For reserved pages of other outlets."
    policies: Mapping[str, RightsPolicy] = field(default_factory=dict)
    "By outlet."
    ids: dict[str, set[str]] = field(default_factory=dict)
    "Of the articles that passed, by run."

    def is_new(self, run: str, article_id: str) -> bool:
        """Whether the run has no article with this id yet; from now on it has."""
        ids = self.ids.setdefault(run, set())
        if article_id in ids:
            return False
        ids.add(article_id)
        return True

    def make_judge(self, outlet: Outlet | None) -> ArticleJudge:
        """What is done with the articles of an outlet, without regard to the others of their runs."""
        policy = self.policies.get(outlet.id, self.default_policy) if outlet else self.default_policy
        return ArticleJudge(self.min_chars, policy)


def make_filters(rules: Rules) -> ArticleFilters:
    """The filters of a crawl, by the settings and the outlets."""
    return ArticleFilters(settings.NEWSCRAWL_BODY_MIN_CHARS, default_rights_policy(), rights_policies(rules))


def rights_policies(rules: Rules) -> dict[str, RightsPolicy]:
    """What happens to reserved pages, by outlet."""
    outlets = filter(None, rules.values())
    policies = {outlet.id: outlet.rights or default_rights_policy() for outlet in outlets}
    return dict(sorted(policies.items()))


def default_rights_policy() -> RightsPolicy:
    return parse_rights_policy(settings.NEWSCRAWL_RIGHTS)


def choose_memories(folders: Iterable[Path], choice: ui.MemoryChoice) -> Memories:
    """The names of the memories to use in place of those of the runs; None: use those of the runs."""
    if choice == "run":
        return None
    if choice == "none":
        return dict.fromkeys(folders, "")
    newest = {folder: newest_memory(folder) for folder in folders}
    return {folder: path.name if path else "" for folder, path in newest.items()}


def with_memory(page: PageLocation, memories: Memories) -> PageLocation:
    """The page with the memory that is used for it."""
    return page if memories is None else replace(page, memory=memories[page.folder])


def task_digest(files: Sequence[ArchiveFile], rules: Rules, memories: Memories) -> str:
    """What decides the lines: the archives, the rules, the settings and the programs that read them."""
    task: dict[str, Any] = {
        "files": [
            (str(file.path.parent / file.name), file.size, file.path.stat().st_mtime_ns) for file in files
        ],
        "rules": {
            str(folder): outlet.model_dump(mode="json") if outlet else None
            for folder, outlet in sorted(rules.items())
        },
        "memories": {str(folder): name for folder, name in sorted((memories or {}).items())},
        "rights": [rights_policies(rules), default_rights_policy()],
        "shortest": settings.NEWSCRAWL_BODY_MIN_CHARS,
        "versions": [__version__, *(version(name) for name in LIBRARIES)],
    }
    return json_digest(task)
