"""The pages of the viewer and its API: each address has one function for its data, which both show."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from newscrawl import __version__
from newscrawl.errors import NewscrawlError, StateError
from newscrawl.items import WarcPointer
from newscrawl.package_data import read_package_text
from newscrawl.state.database import Database
from newscrawl.view.catalogue import FACETS, Catalogue
from newscrawl.view.exchanges import describe_exchange, read_original, read_record_bytes
from newscrawl.view.follower import CatalogueFollower
from newscrawl.view.guard import parse_host
from newscrawl.view.markup import render
from newscrawl.view.metrics import render_all_metrics
from newscrawl.view.openapi import build_openapi
from newscrawl.view.outlets import PLOTTED_LANGUAGES, describe_outlet, list_crawls, list_outlet_rows
from newscrawl.view.search import ORDERS, SearchRequest, search
from newscrawl.view.stories import (
    NotFound,
    Story,
    compare_paragraphs,
    list_copies,
    list_paragraphs,
    list_versions,
    read_pointer,
    read_story,
)
from newscrawl.view.words import LANGUAGES, choose_language

logger = logging.getLogger(__name__)
Explain = Callable[[Path, WarcPointer], dict[str, Any]]
"Gives the decision on each block of the page at a pointer in a folder, as `newscrawl explain --json` does."
EMPTY_VALUE = "-"
"Stands in an address for a facet's empty value, such as a section that the page does not name."
FACET_PARAMETERS = {"outlet": "outlet", "lang": "language", "wire": "wire", "section": "section"}
"Facet to its parameter; `lang` is the language of the pages."
REFRESH_SECONDS = 5
SITE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
ORIGINAL_POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; "
    "sandbox; frame-ancestors {site}"
)
STATIC = {"view.css": "text/css", "icon.svg": "image/svg+xml"}


@dataclass(frozen=True, kw_only=True)
class Sources:
    """What the pages are made from."""

    catalogue: Catalogue
    follower: CatalogueFollower
    open_database: Callable[[], Database | None]
    "None where there is no state yet; looking does not create it."
    explain: Explain
    now: Callable[[], float]
    originals_port: int

    @property
    def archives(self) -> Path:
        return self.catalogue.archives


Data = Callable[[Sources, Request], dict[str, Any]]


class Page(NamedTuple):
    """An address of the viewer and, below `/api`, the same as JSON."""

    path: str
    template: str
    data: Data


def search_data(sources: Sources, request: Request) -> dict[str, Any]:
    """Hits and facets."""
    query = request.query_params
    filters = {
        facet: "" if query[name] == EMPTY_VALUE else query[name]
        for facet, name in FACET_PARAMETERS.items()
        if query.get(name)
    }
    page = query.get("page", "1")
    wanted = SearchRequest(
        words=query.get("q", ""),
        filters=filters,
        first_day=query.get("from", ""),
        last_day=query.get("to", ""),
        order=query["order"] if query.get("order") in ORDERS else ORDERS[0],
        page=int(page) if page.isdecimal() and len(page) < 6 else 1,
        with_old_versions=query.get("versions") == "all",
    )
    return search(sources.catalogue, wanted)


def article_data(sources: Sources, request: Request) -> dict[str, Any]:
    """An article with all that belongs to it; with `explain=1` also the decision on each block."""
    story = read_story(sources.catalogue, request.path_params["id"])
    folder = sources.archives / story.place.outlet
    pointer = read_pointer(story.line)
    data: dict[str, Any] = {
        "id": story.place.id,
        "outlet": story.place.outlet,
        "article": story.line,
        "versions": list_versions(sources.catalogue, story.place),
        **_copies_data(sources, story),
        "exchange": None,
        "exchange_error": None,
        "explanation": None,
        "explanation_error": None,
    }
    if pointer:
        try:
            data["exchange"] = describe_exchange(folder, pointer)
        except NewscrawlError as error:
            data["exchange_error"] = str(error)
    if pointer and request.query_params.get("explain") == "1":
        try:
            data["explanation"] = sources.explain(folder, pointer)
        except NewscrawlError as error:
            data["explanation_error"] = str(error)
    return data


def _copies_data(sources: Sources, story: Story) -> dict[str, Any]:
    """The copies; as long as the state cannot be read, the same as without one."""
    try:
        return list_copies(sources.open_database(), story.place.outlet, story.line)
    except StateError:
        logger.exception("copies are not shown")
        return list_copies(None, story.place.outlet, story.line)


def diff_data(sources: Sources, request: Request) -> dict[str, Any]:
    """Two texts together, with what only one of them has."""
    old, new = (read_story(sources.catalogue, request.query_params.get(name, "")) for name in ("old", "new"))
    paragraphs = compare_paragraphs(list_paragraphs(old.line), list_paragraphs(new.line))
    names = ("id", "title", "url", "fetched", "published", "version")
    return {
        "old": {"outlet": old.place.outlet, **{name: old.line.get(name) for name in names}},
        "new": {"outlet": new.place.outlet, **{name: new.line.get(name) for name in names}},
        "paragraphs": [[piece._asdict() for piece in pieces] for pieces in paragraphs],
    }


def outlets_data(sources: Sources, _: Request) -> dict[str, Any]:
    """Every outlet and how it is doing."""
    rows = list_outlet_rows(sources.catalogue, sources.open_database(), int(sources.now()))
    return {"outlets": rows}


def outlet_data(sources: Sources, request: Request) -> dict[str, Any]:
    """The runs, figures, alarms and sources of an outlet."""
    name = request.path_params["name"]
    return describe_outlet(sources.catalogue, sources.open_database(), name, int(sources.now()))


def crawls_data(sources: Sources, _: Request) -> dict[str, Any]:
    """The crawls that run now."""
    return {"crawls": list_crawls(sources.archives, sources.open_database(), sources.now())}


PAGES = (
    Page("/", "search.html", search_data),
    Page("/articles/{id}", "article.html", article_data),
    Page("/diff", "diff.html", diff_data),
    Page("/outlets", "outlets.html", outlets_data),
    Page("/outlets/{name}", "outlet.html", outlet_data),
    Page("/crawls", "crawls.html", crawls_data),
)


def api_path(page: Page) -> str:
    """Where the data of a page is as JSON."""
    return "/api/search" if page.path == "/" else f"/api{page.path}"


def make_site(sources: Sources) -> Starlette:
    """The application that answers people and programs, without the archived originals."""
    routes: list[Route] = []
    for page in PAGES:
        routes.append(Route(page.path, _html_endpoint(sources, page), methods=["GET"]))
        routes.append(Route(api_path(page), _json_endpoint(sources, page), methods=["GET"]))

    def send_record(request: Request) -> Response:
        story = read_story(sources.catalogue, request.path_params["id"])
        pointer = read_pointer(story.line)
        if pointer is None:
            raise NotFound(f"the article {story.place.id} names no record")
        data = read_record_bytes(sources.archives / story.place.outlet, pointer)
        ending = "warc.gz" if data.startswith(b"\x1f\x8b") else "warc"
        name = f"{story.place.id[:32]}.{ending}" if story.place.id.isalnum() else f"record.{ending}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        return Response(data, media_type="application/warc", headers=headers)

    def send_openapi(_: Request) -> Response:
        return JSONResponse(build_openapi(__version__))

    def send_api_page(request: Request) -> Response:
        return _render(sources, request, "api.html", {"openapi": build_openapi(__version__)})

    def send_metrics(_: Request) -> Response:
        return Response(_metrics(sources), media_type="text/plain; version=0.0.4; charset=utf-8")

    def send_static(request: Request) -> Response:
        name = request.path_params["name"]
        if name not in STATIC:
            raise HTTPException(404)
        text = read_package_text("newscrawl.view", "static", name)
        return Response(text, media_type=STATIC[name], headers={"Cache-Control": "max-age=3600"})

    routes += [
        Route("/articles/{id}/record", send_record, methods=["GET"]),
        Route("/api", send_api_page, methods=["GET"]),
        Route("/api/openapi.json", send_openapi, methods=["GET"]),
        Route("/metrics", send_metrics, methods=["GET"]),
        Route("/static/{name}", send_static, methods=["GET"]),
    ]

    def show_error(request: Request, error: Exception) -> Response:
        status = 404 if isinstance(error, NotFound) else 503
        message = str(error)
        if isinstance(error, HTTPException):
            status, message = error.status_code, error.detail
        if request.url.path.startswith("/api/"):
            return JSONResponse({"error": message}, status_code=status)
        return _render(sources, request, "error.html", {"status": status, "message": message}, status)

    return Starlette(
        routes=routes, exception_handlers={NewscrawlError: show_error, HTTPException: show_error}
    )


def make_originals(sources: Sources, site: Callable[[Request], str]) -> Starlette:
    """The application that answers with archived pages; `site`: the origin whose frames may show them."""

    def send_original(request: Request) -> Response:
        policy = {"Content-Security-Policy": ORIGINAL_POLICY.format(site=site(request))}
        headers = {**policy, "Cache-Control": "no-store"}
        try:
            story = read_story(sources.catalogue, request.path_params["id"])
            pointer = read_pointer(story.line)
            if pointer is None:
                raise NotFound("the article names no record")
            page = read_original(sources.archives / story.place.outlet, pointer)
        except NewscrawlError as error:
            status = 404 if isinstance(error, NotFound) else 503
            return Response(f"{error}\n", status, media_type="text/plain; charset=utf-8", headers=headers)
        return Response(page, media_type="text/html; charset=utf-8", headers=headers)

    return Starlette(routes=[Route("/{id}", send_original, methods=["GET"])])


def _html_endpoint(sources: Sources, page: Page) -> Callable[[Request], Response]:
    def show(request: Request) -> Response:
        return _render(sources, request, page.template, page.data(sources, request))

    return show


def _json_endpoint(sources: Sources, page: Page) -> Callable[[Request], Response]:
    def send(request: Request) -> Response:
        return JSONResponse(page.data(sources, request), headers={"Cache-Control": "no-store"})

    return send


def _render(
    sources: Sources, request: Request, template: str, data: Mapping[str, Any], status: int = 200
) -> Response:
    wanted = request.query_params.get("lang")
    language = choose_language(wanted, request.headers.get("accept-language"))
    query = {name: value for name, value in request.query_params.items() if name != "lang"}
    host = parse_host(request.headers.get("host", "")) or "127.0.0.1"
    originals = f"http://{f'[{host}]' if ':' in host else host}:{sources.originals_port}"
    html = render(
        template,
        language,
        wanted if wanted in LANGUAGES else None,
        data=data,
        path=request.url.path,
        query=query,
        originals=originals,
        facet_parameters=FACET_PARAMETERS,
        facets=FACETS,
        empty_value=EMPTY_VALUE,
        plotted_languages=PLOTTED_LANGUAGES,
        languages=LANGUAGES,
        progress=sources.follower.progress,
        update_error=sources.follower.error,
        refresh_seconds=REFRESH_SECONDS,
    )
    frames = f"; frame-src {originals}" if template == "article.html" else ""
    headers = {
        "Content-Security-Policy": SITE_POLICY + frames,
        "Cache-Control": "no-store",
        "Content-Language": language,
        "Vary": "Accept-Language",
    }
    return HTMLResponse(html, status, headers=headers)


def _metrics(sources: Sources) -> bytes:
    rows = list_outlet_rows(sources.catalogue, sources.open_database(), int(sources.now()))
    statuses = {row["outlet"]: row["status"] for row in rows if row["status"]}
    own: dict[str, tuple[str, dict[str, float]]] = {
        "view_articles": (
            "Articles in the catalogue, with all of their versions.",
            {row["outlet"]: row["articles"] for row in rows},
        ),
        "view_up_to_date": (
            "1 where the last update of the catalogue did not fail and none is under way.",
            {"": int(sources.follower.is_up_to_date)},
        ),
        "crawl_running": (
            "1 while a process crawls the outlet.",
            {name: int(status["holder"] is not None) for name, status in statuses.items()},
        ),
        "pages_waiting": (
            "Pages that are due.",
            {name: status["waiting"] for name, status in statuses.items()},
        ),
        "runs_failed": (
            "Runs since the last that finished.",
            {name: status["runs_failed"] for name, status in statuses.items()},
        ),
    }
    return render_all_metrics(sources.archives, own)
