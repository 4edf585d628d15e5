"""HTML -> Article or Rejection: the one function every path calls."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from newscrawl.items import Article, Link, Rejection, rfc3339
from newscrawl.outlet import Outlet
from newscrawl.text.article import article_of
from newscrawl.text.body import Body, body_of
from newscrawl.text.folding import tidy
from newscrawl.text.head import head_of
from newscrawl.text.judge.judge import Judge
from newscrawl.text.memory import Memory
from newscrawl.text.parse import Fault, Parsed, parse
from newscrawl.text.provenance import encodable, link_discovery, rule_of
from newscrawl.text.source import Source
from newscrawl.text.told import byline_told, told_of
from newscrawl.text.verdict import empty_fault, is_listing, shell_fault
from newscrawl.text.view import View, view_of
from newscrawl.urls import absolute


@dataclass(frozen=True, kw_only=True, slots=True)
class Explained:
    """What became of a page, and how: for people who ask why a line went."""

    result: Article | Rejection
    view: View | None = None
    "The page's blocks; None where it could not be parsed."
    body: Body | None = None
    "Verdicts on them; None where the page was refused before its story was looked for."


def extract(
    html: bytes,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    fetched: dt.datetime | None = None,
    outlet: Outlet | None = None,
    memory: Memory | None = None,
    link: Link | None = None,
    status: int | None = None,
    judge: Judge | None = None,
) -> Article | Rejection:
    """The story of a page, or why there is none; the same input gives the same answer in any process."""
    return explained(
        html,
        url,
        headers=headers,
        fetched=fetched,
        outlet=outlet,
        memory=memory,
        link=link,
        status=status,
        judge=judge,
    ).result


def explained(
    html: bytes,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    fetched: dt.datetime | None = None,
    outlet: Outlet | None = None,
    memory: Memory | None = None,
    link: Link | None = None,
    status: int | None = None,
    judge: Judge | None = None,
) -> Explained:
    """As `extract`, with the page's blocks and the verdict on each."""
    source = Source(
        url=encodable(url.strip()),
        headers={name: encodable(value) for name, value in (headers or {}).items()},
        fetched=fetched,
        outlet=outlet,
        rule=rule_of(outlet, fetched),
        link=link,
        status=status,
        judge=judge,
        memory=memory,
    )
    if absolute(source.url, "") is None:
        fault = Fault(reason="bad_url", detail="no absolute http(s) URL")
        return Explained(result=_rejection(source, fault))
    parsed = parse(html, source.headers)
    return (
        _story(source, parsed) if isinstance(parsed, Parsed) else Explained(result=_rejection(source, parsed))
    )


def _story(source: Source, parsed: Parsed) -> Explained:
    tree = parsed.tree
    head = head_of(tree, source.url, source.headers)
    view = view_of(tree, head, source.rule, source.outlet.platform if source.outlet else None)
    lines = view.visible
    if fault := shell_fault(head, tree, lines, source.status):
        return Explained(result=_rejection(source, _or_cut(fault, parsed)), view=view)
    told = told_of(source, head, tree, lines)
    untitled = told.title.text is None
    if is_listing(head, tree, told.page_type, untitled=untitled):
        fault = Fault(reason="listing", detail="a page of teasers, not a story")
        return Explained(result=_rejection(source, fault), view=view)
    authors = [author.name for author in told.byline.authors if author.kind == "person"]
    body = body_of(
        source, head, tree, view, titles=told.title.keys, authors=authors, live=told.page_type == "liveblog"
    )
    if fault := empty_fault(tree, lines, len(body.text), untitled=untitled):
        return Explained(result=_rejection(source, _or_cut(fault, parsed)), view=view, body=body)
    byline = told.byline
    if body.byline is not None:
        byline = byline_told(source, head, tree, lines, told.title, in_text=body.byline)
    return Explained(result=article_of(source, parsed, told, body, byline), view=view, body=body)


def _or_cut(fault: Fault, parsed: Parsed) -> Fault:
    """The fault, or the parser's, where it stopped before the page did."""
    if not parsed.cut:
        return fault
    return Fault(reason="too_deep", detail=f"elements nested too deep; before them: {fault.detail}")


def _rejection(source: Source, fault: Fault) -> Rejection:
    return Rejection(
        url=source.url,
        url_requested=source.requested,
        source=source.outlet.id if source.outlet else None,
        step="extract",
        reason=fault.reason,
        detail=tidy(fault.detail),
        fetched=rfc3339(source.fetched) if source.fetched else None,
        discovery=link_discovery(source.link),
    )
