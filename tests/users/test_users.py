"""Five users, each from an empty folder to a result, with what `pip install` gives and no checkout."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import quote
from urllib.request import urlopen

import pytest
import yaml  # type: ignore[import-untyped]
from addon.foreign import EXAMPLE, ForeignCrawl, make_server
from compilers import can_compile
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from users.containerfile import Image
from users.transcript import Terminal, read_blocks
from wire.postgres import Cluster, run, stoppable_cluster
from wire.programs import program
from wire.server import serving

from newscrawl.demo.catalogue import demo_site, write_outlets
from newscrawl.demo.server import Newsroom, serve_in_thread

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "users.md"
SITE = "http://127.0.0.1:8600"
"Where the page has the site; here it has any free port."
STORY = "Le pont de Nkolbong rouvre après deux saisons de travaux"
PATIENCE = 150
"Seconds for what takes a few on an idle machine."
pytestmark = [pytest.mark.slow, pytest.mark.crawl]


def read_json(address: str) -> Any:
    with urlopen(address) as found:
        return json.load(found)


def find_story(view: str) -> list[dict[str, Any]]:
    hits: list[dict[str, Any]] = read_json(f"{view}api/search?q={quote('nkolbong travaux')}")["hits"]
    return [hit for hit in hits if hit["title"] == STORY]


def test_the_steps_of_the_image_leave_the_wheel_and_its_pins(image: Image, programs: Path) -> None:
    inside = "import newscrawl, sys; print(newscrawl.__file__); print(sys.path)\n"
    inside += "from newscrawl.cli.compiled_forms import find_uncompiled; print(len(find_uncompiled()))"
    done = subprocess.run(
        [programs / "python3", "-P", "-c", inside],
        **image.process_arguments({}),
        capture_output=True,
        text=True,
        check=True,
    )
    file, path, uncompiled = done.stdout.splitlines()
    assert uncompiled == "0" or not can_compile()
    assert Path(file).is_relative_to(programs.parent)
    assert str(ROOT) not in path
    packages = next(programs.parent.glob("lib/python3*/site-packages"))
    installed: dict[str, Distribution] = {
        canonicalize_name(found.metadata["Name"]): found for found in distributions(path=[str(packages)])
    }
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    listed = [Requirement(line) for line in lines if line and not line.startswith("#")]
    pins: dict[str, Requirement] = {canonicalize_name(pin.name): pin for pin in listed}
    # What newscrawl needs without an extra, and what that needs, has a pin, and is installed as pinned.
    waiting: set[str] = {"newscrawl"}
    needed: set[str] = set()
    while waiting:
        name = waiting.pop()
        needed.add(name)
        for text in installed[name].requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting |= {canonicalize_name(requirement.name)} - needed
    needed.remove("newscrawl")
    assert needed <= {*pins}
    for name in needed:
        assert pins[name].specifier.contains(installed[name].version)
    imports = subprocess.run(
        [programs / "python3", "-c", f"import {IMPORTS}; print('imported')"],
        **image.process_arguments({}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert imports.stdout == "imported\n", imports.stderr


IMPORTS = (
    "scrapy, trafilatura, itemadapter, warcio, langdetect, lxml_html_clean, lxml.html, feedparser, pydantic, "
    "pebble, typer, rich, brotli, newscrawl.extraction, newscrawl.cli, newscrawl.spiders.loader, "
    "newscrawl.pipelines.extract, newscrawl.downloader.capture, newscrawl.view.site, psycopg, s3fs"
)


@pytest.fixture(scope="module")
def newcomer(programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """What a newcomer did, and has afterwards."""
    terminal = Terminal(tmp_path_factory.mktemp("newcomer"), programs)
    ((_, block),) = read_blocks(PAGE, "A newcomer")
    terminal.play(block)
    return terminal


def test_a_newcomer_has_a_table_of_articles_after_three_commands(newcomer: Terminal) -> None:
    assert sum(line.startswith("$ ") for line in newcomer.shown) == 3
    assert STORY in (newcomer.folder / "news.csv").read_text(encoding="utf-8")
    assert len(list(newcomer.folder.glob("archives/*/*.warc.gz"))) == 4


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]


def test_a_journalist_finds_the_story_in_the_browser(programs: Path, tmp_path: Path) -> None:
    with serve_in_thread(Newsroom([demo_site("kamer_echo")])) as newsroom:
        terminal = Terminal(tmp_path, programs, {SITE: newsroom.bases["kamer_echo"]})
        for kind, text in read_blocks(PAGE, "A journalist"):
            if kind.startswith("toml "):
                (terminal.folder / kind.removeprefix("toml ")).write_text(text, encoding="utf-8")
            elif kind == "console stays":
                port, originals = free_ports(2)
                with terminal.staying(text, f"--port {port} --originals-port {originals}") as view:
                    wait_for(lambda view=view: find_story(view))
                    (hit,) = find_story(view)
                    with urlopen(f"{view}?q=nkolbong") as page:
                        assert hit["title"] in page.read().decode()
                    article = read_json(f"{view}api/articles/{hit['id']}")
                    assert article
                    with urlopen(f"{view}articles/{hit['id']}") as page:
                        shown = page.read().decode()
                    assert f":{originals}/" in shown
                    original = re.search(rf'src="(http://[^"]*:{originals}/[^"]*)"', shown)
                    assert original
                    with urlopen(original[1].replace("&amp;", "&")) as page:
                        assert "Nkolbong" in page.read().decode()
            else:
                terminal.play(text)


def test_a_linguist_opens_a_data_set(newcomer: Terminal, programs: Path, tmp_path: Path) -> None:
    # What pip makes of the extra; the image has no pip.
    install = [sys.executable, "-m", "pip", "--python", programs / "python3", "install", "--quiet"]
    subprocess.run([*install, f"pyarrow=={pinned_version('pyarrow')}"], check=True, timeout=300)
    shutil.copytree(newcomer.folder / "archives", tmp_path / "archives")
    terminal = Terminal(tmp_path, programs)
    blocks = read_blocks(PAGE, "A linguist")
    (console,) = [text for kind, text in blocks if kind == "console"]
    (script,) = [text for kind, text in blocks if kind == "python"]
    (promised,) = [text for kind, text in blocks if kind == "text"]
    terminal.play(console)
    # `datasets` is a user's own program, with other needs than newscrawl.
    done = subprocess.run(
        [program("python"), "-c", script],
        cwd=tmp_path,
        env={**terminal.variables(), "HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.stdout == promised, done.stderr


def pinned_version(name: str) -> str:
    text = (ROOT / "tests" / "requirements.txt").read_text(encoding="utf-8")
    found = re.search(rf"^{name}==(\S+)", text, re.MULTILINE)
    assert found
    return found[1]


def test_a_scrapy_developer_archives_the_wire(programs: Path, tmp_path: Path) -> None:
    project = tmp_path / "example"
    shutil.copytree(EXAMPLE, project)
    with serving(make_server()) as server:
        terminal = Terminal(project, programs, {SITE: server.base})
        ((_, block),) = read_blocks(PAGE, "A Scrapy developer")
        terminal.play(block)
        done = ForeignCrawl(0, "", project)
        sent = [exchange.sent for exchange in server.log]
        received = [exchange.received for exchange in server.log]
    assert {"/story", "/story?moved", "/moved", "/robots.txt"} <= {exchange.path for exchange in server.log}
    assert read_texts(project / "again.jsonl") == read_texts(project / "news.jsonl")
    assert done.blocks("request") == {text: received.count(text) for text in received}
    assert done.blocks("response") == {text: sent.count(text) for text in sent}


def read_texts(lines: Path) -> dict[str, str]:
    """The texts of the articles among lines, by address."""
    items = [json.loads(line) for line in lines.read_text(encoding="utf-8").splitlines()]
    texts = {item["url"]: item["text"] for item in items if "text" in item}
    assert texts
    return texts


def wait_for(happened: Any) -> None:
    give_up = time.monotonic() + PATIENCE
    while True:
        try:
            if happened():
                return
        except URLError:
            pass
        assert time.monotonic() < give_up
        time.sleep(0.1)


VARIABLE = re.compile(r"\$\{(\w+)(?::[-?]([^}]*))?\}")


def fill_variables(value: Any, variables: Mapping[str, str]) -> Any:
    """A part of a compose file with the variables of its .env."""
    if isinstance(value, dict):
        return {key: fill_variables(part, variables) for key, part in value.items()}
    if isinstance(value, list):
        return [fill_variables(part, variables) for part in value]
    if isinstance(value, str):
        return VARIABLE.sub(lambda match: variables.get(match[1]) or match[2], value)
    return value


@pytest.fixture
def database(services: dict[str, Any]) -> Iterator[Cluster]:
    """The service `database`: its user and its database, on a socket in place of a network."""
    variables = services["database"]["environment"]
    with stoppable_cluster() as cluster:
        # Its server lets everybody in who reaches the folder of the socket.
        cluster.folder.chmod(0o755)
        common = ["-h", cluster.folder, "-U", "postgres"]
        run(cluster.bin_folder / "createuser", *common, variables["POSTGRES_USER"])
        owner = ["-O", variables["POSTGRES_USER"], variables["POSTGRES_DB"]]
        run(cluster.bin_folder / "createdb", *common, *owner)
        yield cluster


@pytest.fixture(scope="module")
def services(image: Image) -> dict[str, Any]:
    text = (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")
    variables = {"POSTGRES_PASSWORD": "only for this test", "PROJECT": f"{image.root}/project"}
    found: dict[str, Any] = fill_variables(yaml.safe_load(text), variables)["services"]
    return found


def test_an_operator_runs_the_services_of_the_compose_file(
    image: Image, programs: Path, services: dict[str, Any], database: Cluster
) -> None:
    project = image.root / "project"
    ready = services["database"]["healthcheck"]["test"][1:]
    run(database.bin_folder / ready[0], *ready[1:], "--host", database.folder)
    owner = services["crawler"]["user"].partition(":")[0]
    assert services["crawler"]["volumes"] == [f"{project}:{image.folder}"]

    def arguments(service: str) -> dict[str, Any]:
        variables = dict(services[service]["environment"])
        variables["NEWSCRAWL_STATE_URL"] = variables["NEWSCRAWL_STATE_URL"].replace("@database/", "@/")
        variables["NEWSCRAWL_STATE_URL"] += f"?host={database.folder}"
        return image.process_arguments(variables, int(owner) if image.user else 0)

    def execute(service: str, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(words, **arguments(service), capture_output=True, text=True, check=False)

    made = execute("crawler", *image.entrypoint, "init", "--contact", "you@example.org")
    assert made.returncode == 0, made.stderr
    with ExitStack() as stack:
        newsroom = stack.enter_context(serve_in_thread(Newsroom([demo_site("kamer_echo")])))
        write_outlets(newsroom.bases, project / "outlets")
        settings = (project / "newscrawl.toml").read_text(encoding="utf-8")
        fast = "DOWNLOAD_DELAY = 0\nAUTOTHROTTLE_ENABLED = false\nNEWSCRAWL_ALLOW_PRIVATE_ADDRESSES = '1'\n"
        (project / "newscrawl.toml").write_text(settings.replace("[settings]\n", f"[settings]\n{fast}"))
        port, originals = free_ports(2)
        processes = {}
        for service, more in (
            ("crawler", []),
            ("view", ["--port", str(port), "--originals-port", str(originals)]),
        ):
            # Tests listen on loopback alone.
            words = [word.replace("0.0.0.0", "127.0.0.1") for word in services[service]["command"]]
            log = stack.enter_context((image.root.parent / f"{service}.log").open("wb"))
            processes[service] = subprocess.Popen(
                [*image.entrypoint, *words, *more], **arguments(service), stdout=log, stderr=log
            )
            stack.callback(end, processes[service])
        view = f"http://127.0.0.1:{port}/"
        wait_for(lambda: find_story(view))
        healthy = execute("crawler", *image.healthcheck)
        assert healthy.returncode == 0, healthy.stderr
        check = [word.replace("8700", str(port)) for word in services["view"]["healthcheck"]["test"][1:]]
        assert execute("view", *check).returncode == 0
        status = json.loads(execute("crawler", *image.entrypoint, "status", "--json").stdout)
        assert [(row["outlet"], row["runs_failed"]) for row in status] == [("kamer_echo", 0)]
        assert {path.stat().st_uid for path in project.rglob("*") if path.suffix == ".gz"} == {
            int(owner) if image.user else os.geteuid()
        }
        # State is in the database, and nowhere else.
        assert not list(project.rglob("state.sqlite*"))
        database.stop()
        assert execute("crawler", *image.healthcheck).returncode != 0
        database.start()
        for service, process in processes.items():
            process.send_signal(signal.SIGTERM)
            log_text = (image.root.parent / f"{service}.log").read_text(encoding="utf-8", errors="replace")
            assert process.wait(PATIENCE) == 0, log_text
    assert not list(project.rglob("*.open"))


def end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.kill()
        process.wait()
