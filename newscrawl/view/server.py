"""Two servers in one process: the viewer, and the originals on a port, thus an origin, of their own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from starlette.requests import Request
from starlette.types import ASGIApp

from newscrawl.errors import NewscrawlError
from newscrawl.view.guard import LOOPBACK_NAMES, Guard, is_address, parse_host
from newscrawl.view.site import SITE_POLICY, Sources, make_originals, make_site

ANY_ADDRESS = frozenset({"0.0.0.0", "::"})  # noqa: S104 # what a person may ask for, with a warning
MAX_CONNECTIONS = 100
STOP_SECONDS = 3


class _QuietServer(uvicorn.Server):
    """A server that leaves signals to whoever runs it: two servers would take them from each other."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens; NewscrawlError names the port that is taken or the host that is none."""
    try:
        host.encode("idna")
    except UnicodeError as error:
        # The socket would be open already when the name turns out to be none.
        raise NewscrawlError(f"cannot listen on {host}: not the name of a host") from error
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise NewscrawlError(f"cannot listen on {host}, port {port}: {reason}") from error


def is_loopback(host: str) -> bool:
    return host in LOOPBACK_NAMES or (is_address(host) and host.startswith("127."))


def guard_apps(sources: Sources, host: str, port: int, names: Sequence[str]) -> tuple[ASGIApp, ASGIApp]:
    """The applications of both ports, which answer to this host and these names."""
    allowed = {host, *names} - ANY_ADDRESS

    def site_origin(request: Request) -> str:
        name = parse_host(request.headers.get("host", "")) or "127.0.0.1"
        return f"http://{f'[{name}]' if ':' in name else name}:{port}"

    def guarded(app: ASGIApp, policy: str) -> Guard:
        return Guard(
            app,
            names=allowed,
            allows_addresses=host in ANY_ADDRESS,
            headers={"Content-Security-Policy": policy},
        )

    strictest = "default-src 'none'; sandbox"
    return guarded(make_site(sources), SITE_POLICY), guarded(make_originals(sources, site_origin), strictest)


async def serve_apps(
    apps: Sequence[tuple[ASGIApp, socket.socket]], stop: asyncio.Event, ready: Callable[[], None]
) -> None:
    """Serve each application on its socket until `stop` is set."""
    servers = [_QuietServer(_server_options(app)) for app, _ in apps]
    tasks = [
        asyncio.create_task(server.serve(sockets=[listener]))
        for server, (_, listener) in zip(servers, apps, strict=True)
    ]
    ready()
    await stop.wait()
    for server in servers:
        server.should_exit = True
    await asyncio.gather(*tasks)


def _server_options(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
