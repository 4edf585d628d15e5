"""The rules of the house: imports point down, modules stay small, settings are explained."""

from __future__ import annotations

import ast
import re
import tomllib
from graphlib import CycleError, TopologicalSorter
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from scrapy.utils.misc import load_object

from newscrawl import settings

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "newscrawl"
LONGEST = 500
MOST_ARROWS = 156
"Pairs of rooms of which the first imports the second. A new pair is a decision, not an accident."
LAYERS = [
    {"cli", "scrapy_commands", "addon"},
    {"extensions", "view"},
    {"pipelines"},
    {"spiders", "middlewares"},
    {"downloader"},
    {"export", "monitoring"},
    {"archive", "dedup"},
    {"discovery", "extraction", "workers", "engine"},
    {"warc", "languages", "state", "demo"},
    {"outlet", "schema", "logs", "storage", "project"},
    {"items", "digests", "errors", "urls", "charsets", "addresses", "package_data", "gzip_members"},
]
"From the top; a module may import from layers below its own, and from its own package."
SCRAPY_USERS = {
    "addon",
    "project",
    "cli",
    "scrapy_commands",
    "spiders",
    "downloader",
    "middlewares",
    "pipelines",
    "extensions",
}


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path.name != "settings.py")


def part(path: Path) -> str:
    """The package or module below newscrawl that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def layer(name: str) -> int:
    return next(number for number, names in enumerate(LAYERS) if name in names)


def imports(path: Path) -> list[str]:
    """Imported modules, those for types alone included."""
    found: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            below = {
                alias.name: PACKAGE.joinpath(*node.module.split(".")[1:], alias.name) for alias in node.names
            }
            names = [
                name for name, place in below.items() if place.is_dir() or place.with_suffix(".py").exists()
            ]
            found += [f"{node.module}.{name}" for name in names if node.module.startswith("newscrawl")]
            if len(names) < len(below):
                found.append(node.module)
    return found


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The names along a circle of the graph; empty where there is none."""
    try:
        list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_circle_between_modules() -> None:
    """The face of the package names what it gives lazily, and the version: it is no part of the picture."""
    names = {dotted(path) for path in modules()} - {"newscrawl"}
    graph = {dotted(path): {*imports(path)} & names - {dotted(path)} for path in modules()}
    del graph["newscrawl"]
    assert not circle(graph)


def test_no_circle_between_rooms_and_few_arrows() -> None:
    graph: dict[str, set[str]] = {}
    for path in modules():
        below = {name.split(".")[1] for name in imports(path) if name.startswith("newscrawl.")}
        graph.setdefault(part(path), set()).update(below - {part(path), "__version__"})
    del graph["__init__"]
    assert not circle(graph)
    assert sum(map(len, graph.values())) <= MOST_ARROWS


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_down(path: Path) -> None:
    own = part(path)
    if own == "__init__":
        return
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "newscrawl" or len(parts) == 1 or parts[1] in {own, "__version__"}:
            continue
        if parts[1] == "settings":
            assert own == "cli", f"{path} imports settings"
            continue
        assert layer(parts[1]) > layer(own), f"{path} imports {name}, which is not below it"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_scrapy_stays_above_its_line(path: Path) -> None:
    if part(path) not in SCRAPY_USERS:
        used = {name.split(".")[0] for name in imports(path)} & {"scrapy", "twisted"}
        assert not used, f"{path} imports {used}"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_one_thing(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST
    assert ast.get_docstring(ast.parse(text)), "its first line says what it is for"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_environment_and_the_clock_are_handed_in(path: Path) -> None:
    """Below the Scrapy line nothing reads the environment, the clock or dice."""
    if part(path) in SCRAPY_USERS | {"demo"}:
        return
    text = path.read_text(encoding="utf-8")
    for forbidden in (
        "os.environ",
        "getenv(",
        "utc_now",
        "datetime.now(",
        "time.time(",
        "import random",
        "uuid4(",
    ):
        assert forbidden not in text, f"{path}: {forbidden}"


def own_settings() -> list[str]:
    return [name for name in dir(settings) if name.startswith("NEWSCRAWL_")]


def test_every_setting_is_explained_and_used() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"^\| `(NEWSCRAWL_\w+)`", page, re.MULTILINE))
    assert explained == set(own_settings())
    code = "".join(path.read_text(encoding="utf-8") for path in modules())
    assert not [name for name in own_settings() if name not in code]


def test_every_component_named_in_the_settings_loads() -> None:
    paths = [*settings.ITEM_PIPELINES, *settings.EXTENSIONS]
    paths += [path for path in settings.DOWNLOAD_HANDLERS.values() if path]
    paths += [settings.SPIDER_LOADER_CLASS, settings.TWISTED_DNS_RESOLVER, settings.LOG_FORMATTER]
    for path in paths:
        assert load_object(path)


def test_pins_lie_within_the_ranges() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = [Requirement(line) for line in lines if line and not line.startswith("#")]
    by_name = {re.sub(r"[-_.]+", "-", pin.name).lower(): pin for pin in pinned}
    for text in project["dependencies"]:
        wanted = Requirement(text)
        pin = by_name[re.sub(r"[-_.]+", "-", wanted.name).lower()]
        exact = str(pin.specifier).removeprefix("==")
        assert exact in wanted.specifier, f"{pin} is not within {wanted}"
        assert version(wanted.name) == exact, f"{wanted.name} is not installed as pinned"


def test_the_five_libraries_are_used() -> None:
    used = {name.split(".")[0] for path in modules() for name in imports(path)}
    assert {"scrapy", "trafilatura", "itemadapter", "warcio", "langdetect"} <= used
