"""The demo outlets that come with the package, and their outlet files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from newscrawl.demo.message import Request, Response
from newscrawl.demo.sites.sections import SectionSite
from newscrawl.demo.sites.spip import SpipSite
from newscrawl.demo.sites.syndicator import SyndicatorSite
from newscrawl.demo.sites.wordpress import WordpressSite
from newscrawl.demo.story import Desk, Story, read_desk
from newscrawl.errors import NewscrawlError

OUTLET_FILES = Path(__file__).parent / "outlets"
"Outlet files with `{base}` where the base URL goes."
_SITES: dict[str, type[WordpressSite | SyndicatorSite | SpipSite | SectionSite]] = {
    "kamer_echo": WordpressSite,
    "deccan_wire": SyndicatorSite,
    "val_sambre": SpipSite,
    "fundy_courier": SectionSite,
}


class DemoSite(Protocol):
    """A site whose stories are known."""

    @property
    def id(self) -> str:
        """Outlet id."""

    @property
    def desk(self) -> Desk:
        """Its stories and strays."""

    def path_of(self, story: Story) -> str:
        """Where a story stands: path with query."""

    def respond(self, request: Request) -> Response:
        """The answer to a request."""


def demo_sites() -> list[DemoSite]:
    """Every demo outlet's site."""
    return [demo_site(outlet_id) for outlet_id in _SITES]


def demo_site(outlet_id: str) -> DemoSite:
    """The site of one demo outlet; NewscrawlError when there is none of that name."""
    if outlet_id not in _SITES:
        raise NewscrawlError(f"no demo outlet is named {outlet_id!r}; there are {', '.join(_SITES)}")
    return _SITES[outlet_id](outlet_id, read_desk(outlet_id))


def write_outlets(bases: Mapping[str, str], folder: Path) -> list[Path]:
    """Write the outlet file of every served outlet; NewscrawlError when the folder cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_write_outlet(outlet_id, base, folder) for outlet_id, base in bases.items()]
    except OSError as error:
        raise NewscrawlError(f"{folder}: the demo's outlet files cannot be written ({error})") from error


def _write_outlet(outlet_id: str, base: str, folder: Path) -> Path:
    source = OUTLET_FILES / f"{outlet_id}.toml"
    if not source.is_file():  # sites of saved pages have no file of their own
        source = OUTLET_FILES / "saved_pages.toml"
    text = source.read_text(encoding="utf-8").replace("{base}", base).replace("{id}", outlet_id)
    path = folder / f"{outlet_id}.toml"
    path.write_text(text, encoding="utf-8")
    return path
