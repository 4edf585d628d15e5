"""What a demo outlet is to the newsroom: a Site, and the plain answers most sites give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from newscrawl.demo.message import Request, Response

Route = Callable[[Request], Response]


class Site(Protocol):
    """One outlet: answers requests, keeps nothing between them."""

    @property
    def id(self) -> str:
        """Outlet id."""

    def respond(self, request: Request) -> Response:
        """The answer; 404 where there is nothing."""


def routed(routes: Mapping[str, Route], request: Request) -> Response:
    """The answer of the route for the whole target, else for its path, else 404."""
    route = routes.get(request.target) or routes.get(request.path)
    return route(request) if route else missing(request)


def missing(_: Request) -> Response:
    """404 for what never was."""
    return _notice_page(404, "404", "There is no such page.")


def gone(_: Request) -> Response:
    """410 for what was taken down."""
    return _notice_page(410, "410", "This page was withdrawn.")


def moved(to: str, status: int = 301) -> Route:
    """A redirect to a path of the same outlet."""
    return lambda request: Response(
        status=status,
        headers=(("Location", f"{request.base}{to}"),),
        body=b"<html><body>Moved.</body></html>",
    )


def busy_first(route: Route, retry_after: int = 0) -> Route:
    """503 to the first request of a target, the page afterwards."""

    def answer(request: Request) -> Response:
        if request.earlier:
            return route(request)
        return Response(
            status=503,
            headers=(("Retry-After", str(retry_after)),),
            body=b"<html><body><h1>Busy</h1><p>Please come back in a moment.</p></body></html>",
        )

    return answer


def robots(*disallowed: str, sitemaps: Iterable[str] = (), delay: float | None = None) -> Route:
    """robots.txt: what nobody may fetch, and where the sitemaps are (paths)."""

    def answer(request: Request) -> Response:
        lines = ["User-agent: *", *(f"Disallow: {path}" for path in disallowed)]
        lines += [f"Crawl-delay: {delay:g}"] if delay else []
        lines += ["", *(f"Sitemap: {request.base}{path}" for path in sitemaps)]
        return Response(body="\n".join(lines).encode() + b"\n", content_type="text/plain; charset=utf-8")

    return answer


def _notice_page(status: int, title: str, text: str) -> Response:
    html = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><p>{text}</p></body></html>"
    return Response(status=status, body=html.encode())
