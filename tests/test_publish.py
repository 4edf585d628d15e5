"""What is published: pins for every system, source archive and wheel, the files of the image, the release."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path
from typing import Any

import pins
import pytest
import yaml  # type: ignore[import-untyped]
from compilers import can_compile
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from users.containerfile import copied_paths, read_steps

from newscrawl import __version__, settings
from newscrawl.cli import load_command
from newscrawl.cli.compiled_forms import COMPILED_MODULES

ROOT = Path(__file__).parents[1]
CONTAINERFILE = ROOT / "deploy" / "Containerfile"
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"
TARGETS = ("x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "aarch64-apple-darwin")
"Systems that a wheel of every package is there for, as uv names them."
SOURCE_ONLY = "langdetect"
"It has no wheel, and needs no compiler: it is pure Python."
OWN_IMAGE = f"newscrawl:{__version__}"


def program(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def read_pins(name: str) -> dict[str, Requirement]:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert len({pin.name for pin in found}) == len(found)
    return {canonicalize_name(pin.name): pin for pin in found}


@pytest.mark.parametrize("name", pins.PIN_FILES)
def test_pins_are_within_the_ranges_on_every_system(name: str) -> None:
    pinned = read_pins(name)
    extras = pins.PIN_FILES[name]
    wanted = [
        *PROJECT["dependencies"],
        *(text for extra in extras for text in PROJECT["optional-dependencies"][extra]),
    ]
    for environment in pins.environments():
        for requirement in map(Requirement, wanted):
            if requirement.marker is None or requirement.marker.evaluate(environment):
                pin = pinned[canonicalize_name(requirement.name)]
                assert pin.marker is None or pin.marker.evaluate(environment), (pin, environment)
                (version,) = [clause.version for clause in pin.specifier if clause.operator == "=="]
                assert version in requirement.specifier, (pin, requirement)


def test_the_image_has_the_pins_of_a_crawl_and_those_that_are_tested() -> None:
    service, crawl = read_pins("deploy/requirements.txt"), read_pins("requirements.txt")
    assert {str(pin) for pin in crawl.values()} <= {str(pin) for pin in service.values()}
    lines = (ROOT / "tests" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    tested = [Requirement(line.partition("#")[0]) for line in lines if not line.startswith("#")]
    shared = [pin for pin in tested if canonicalize_name(pin.name) in service]
    assert len(shared) >= 5
    for pin in shared:
        assert service[canonicalize_name(pin.name)].specifier == pin.specifier


def test_markers_are_short_and_say_what_they_did() -> None:
    resolved = """\
everywhere==1 ; sys_platform == 'linux' or sys_platform == 'darwin'
windows==1 ; sys_platform == 'win32'
old==1 ; python_full_version < '3.14' and sys_platform != 'win32'
new==1 ; python_full_version >= '3.13'
mac==1 ; sys_platform == 'darwin'
odd==1 ; sys_platform == 'darwin' or python_full_version < '3.12'
"""
    assert pins.simplify_pins(resolved) == [
        "everywhere==1",
        'old==1 ; python_version < "3.14"',
        'new==1 ; python_version >= "3.13"',
        'mac==1 ; sys_platform == "darwin"',
        'odd==1 ; sys_platform == "darwin" or python_full_version < "3.12"',
    ]


def test_the_pins_are_for_the_pythons_that_the_package_names() -> None:
    named = re.findall(r"Python :: (3\.\d+)$", "\n".join(PROJECT["classifiers"]), re.MULTILINE)
    assert named == list(pins.PYTHONS)
    assert PROJECT["requires-python"] == f">={pins.PYTHONS[0]}"


def combinations() -> Iterator[Any]:
    """Each Python on each system."""
    for python in pins.PYTHONS:
        for target in TARGETS:
            yield pytest.param(python, target, id=f"{python}-{target}")


@pytest.mark.proof
@pytest.mark.parametrize(("python", "target"), [*combinations()])
def test_every_pin_has_a_wheel(python: str, target: str) -> None:
    command = [program("uv"), "pip", "compile", "--quiet", "--no-deps", "--no-header", "--no-annotate"]
    command += ["--only-binary", ":all:", "--no-binary", SOURCE_ONLY, "--python-version", python]
    command += ["--python-platform", target, "deploy/requirements.txt"]
    environment = {**os.environ, "UV_NATIVE_TLS": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) > 80


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make dist` leaves, with the checks that it makes; a copy, for a build writes into its folder."""
    top = tmp_path_factory.mktemp("source")
    for name in (
        "pyproject.toml",
        "setup.py",
        "MANIFEST.in",
        "README.md",
        "CHANGELOG.md",
        "LICENSE",
        "Makefile",
    ):
        shutil.copy(ROOT / name, top)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "newscrawl", top / "newscrawl", ignore=ignored)
    (top / "tests").mkdir()
    (top / "tests" / "test_left_out.py").touch()
    recipe = subprocess.run(
        [
            "make",
            "--no-print-directory",
            "--dry-run",
            "--assume-old=.venv/.installed",
            "dist",
            f"BIN={Path(sys.executable).parent}",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "twine check --strict" in recipe.stdout
    assert "check-wheel-contents" in recipe.stdout
    done = subprocess.run(
        ["sh", "-euc", recipe.stdout], cwd=top, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return top / "build" / "dist"


@pytest.mark.slow
def test_the_wheel_has_the_package_and_its_metadata(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    assert wheel.name == f"newscrawl-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        names = {
            name for name in archive.namelist() if not name.startswith(f"newscrawl-{__version__}.dist-info/")
        }
        metadata = Parser().parsestr(archive.read(f"newscrawl-{__version__}.dist-info/METADATA").decode())
    files = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "newscrawl").rglob("*")
        if path.is_file() and path.suffix not in {".pyc", ".so"} and path.name != "Makefile"
    }
    assert names == files
    assert metadata["License-Expression"] == "MIT"
    assert metadata["Summary"] == PROJECT["description"]
    assert {*PROJECT["optional-dependencies"]} == {*metadata.get_all("Provides-Extra", [])}
    assert "py.typed" in {Path(name).name for name in names}


@pytest.mark.slow
def test_the_source_archive_is_the_package_without_its_tests(built: Path) -> None:
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    top = {name.partition("/")[0] for name in names} - {""}
    assert {"LICENSE", "README.md", "CHANGELOG.md", "pyproject.toml", "setup.py", "newscrawl"} <= top
    assert "tests" not in top
    compiled = {name.replace(".", "/") + ".pyx" for name in COMPILED_MODULES}
    assert compiled == {name for name in names if name.endswith((".pyx", ".c", ".so"))}


@pytest.mark.slow
@pytest.mark.skipif(not can_compile(), reason="this machine has no C compiler with Python's headers")
def test_the_source_archive_makes_a_compiled_wheel(built: Path, tmp_path: Path) -> None:
    (wheel,) = build_wheel(built, tmp_path, {}).glob("*.whl")
    assert not wheel.name.endswith("-none-any.whl")
    assert compiled_files(wheel) == {*COMPILED_MODULES}


@pytest.mark.slow
def test_without_a_compiler_the_source_archive_makes_a_wheel_all_the_same(
    built: Path, tmp_path: Path
) -> None:
    (wheel,) = build_wheel(built, tmp_path, {"CC": "false", "CXX": "false"}).glob("*.whl")
    assert compiled_files(wheel) == set()


def build_wheel(built: Path, folder: Path, variables: dict[str, str]) -> Path:
    """The folder with the wheel that users' installers make of the source archive."""
    (source,) = built.glob("*.tar.gz")
    done = subprocess.run(
        [program("uv"), "build", "--quiet", "--wheel", "--out-dir", folder, source],
        env={**os.environ, "UV_NATIVE_TLS": "1", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return folder


def compiled_files(wheel: Path) -> set[str]:
    """The compiled modules in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if name.endswith(".so")]
    return {name.partition(".")[0].replace("/", ".") for name in names}


def test_hadolint_finds_nothing_in_the_containerfile() -> None:
    done = subprocess.run([program("hadolint"), CONTAINERFILE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_is_of_two_stages_and_its_user_has_no_rights() -> None:
    steps = read_steps(CONTAINERFILE)
    names = [step.instruction for step in steps]
    assert names.count("FROM") == 2
    last = steps[max(number for number, name in enumerate(names) if name == "FROM") :]
    assert [step.value for step in last if step.instruction == "USER"] == ["10001:10001"]
    assert {"HEALTHCHECK", "ENTRYPOINT", "CMD"} <= {step.instruction for step in last}
    assert [step.value.partition(" ")[0] for step in last if step.instruction == "COPY"] == ["--from=build"]
    # Kubernetes refuses a user that it cannot see is not root, and the manifest names this one.
    assert "runAsUser: 10001" in (ROOT / "newscrawl" / "cli" / "templates" / "cronjob.txt").read_text()


def test_the_builder_gets_what_is_copied_and_nothing_else() -> None:
    sources = copied_paths(read_steps(CONTAINERFILE))
    assert all((ROOT / source).exists() for source in sources)
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert lines.index("*") < min(lines.index(f"!{source}") for source in sources)
    assert {line[1:] for line in lines if line.startswith("!")} == sources


@pytest.mark.parametrize(
    ("schema", "path"), [("compose-spec", ROOT / "deploy" / "compose.yaml"), ("github-workflows", WORKFLOW)]
)
def test_files_of_other_programs_keep_their_schemas(schema: str, path: Path) -> None:
    command = [program("check-jsonschema"), "--builtin-schema", f"vendor.{schema}", path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_one_image_is_named_everywhere() -> None:
    own = [service for service in COMPOSE["services"].values() if "build" in service]
    assert {service["image"] for service in own} == {OWN_IMAGE}
    assert {(ROOT / "deploy" / service["build"]["context"]).resolve() for service in own} == {ROOT}
    assert {ROOT / service["build"]["dockerfile"] for service in own} == {CONTAINERFILE}
    for path in (CONTAINERFILE, ROOT / "docs" / "container.md"):
        named = re.findall(r"newscrawl:[0-9][0-9.]*[0-9]", path.read_text(encoding="utf-8"))
        assert {*named} == {OWN_IMAGE}
    done = subprocess.run(
        [program("newscrawl"), "schedule", "k8s"], capture_output=True, text=True, check=True
    )
    assert f'image: "{OWN_IMAGE}"' in done.stdout


@pytest.mark.parametrize("name", ["crawler", "view"])
def test_services_run_commands_and_settings_that_exist(name: str) -> None:
    service = COMPOSE["services"][name]
    name, *options = service["command"]
    assert load_command(name).make_context(name, options).params
    own = {variable for variable in service["environment"] if variable.startswith("NEWSCRAWL_")}
    assert own
    assert not {variable for variable in own if not hasattr(settings, variable)}


def test_what_the_services_need_is_there() -> None:
    services = COMPOSE["services"]
    for name, service in services.items():
        assert not {*service.get("depends_on", {})} - {*services}, name
        for condition in service.get("depends_on", {}).values():
            assert condition == {"condition": "service_healthy"}
        if "build" in service:
            assert service["read_only"] is True
            assert service["cap_drop"] == ["ALL"]
            # There is no login: other machines must not reach a port.
            assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert "healthcheck" in services["database"]
    named = {volume.partition(":")[0] for volume in services["database"]["volumes"]}
    assert named == {*COMPOSE["volumes"]}


def test_the_release_builds_checks_tests_and_publishes_without_a_secret() -> None:
    text = WORKFLOW.read_text(encoding="utf-8")
    # YAML 1.1 takes `on` for true.
    workflow = yaml.safe_load(text)
    assert workflow[True] == {"push": {"tags": ["v[0-9]+.[0-9]+.[0-9]+"]}}
    jobs = workflow["jobs"]
    assert workflow["permissions"] == {}
    # What is published was tested with the Python of the image.
    python = jobs["build"]["container"].removesuffix("-bookworm")
    bases = [step.value for step in read_steps(CONTAINERFILE) if step.instruction == "FROM"]
    assert bases == [f"{python} AS build", f"{python}-slim"]
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert jobs["publish"]["needs"] == ["build", "wheels"]
    assert jobs["wheels"]["needs"] == "build"
    assert "secrets." not in text
    assert "password" not in text
    commands = [step["run"] for step in jobs["build"]["steps"] if "run" in step]
    assert [command for command in commands if command.startswith("make ")] == ["make test", "make dist"]
    tasks = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for command in commands:
        words = shlex.split(command)
        assert words[0] == "grep" or (words[0] == "make" and words[1] in tasks)
    assert not [step for job in ("publish", "wheels") for step in jobs[job]["steps"] if "run" in step]
    kept, brought = jobs["build"]["steps"][-1]["with"], jobs["publish"]["steps"][0]["with"]
    assert kept["name"] == brought["name"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(rf"^DIST +\?= {re.escape(str(Path(kept['path']).parent))}$", makefile, re.MULTILINE)


@pytest.mark.parametrize(("tag", "code"), [(f"v{__version__}", 0), ("v9.9.9", 1)])
def test_a_tag_of_another_version_is_not_published(tag: str, code: int) -> None:
    steps = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]["build"]["steps"]
    checks = [step["run"] for step in steps if step.get("run", "").startswith("grep ")]
    assert len(checks) == 2
    for check in checks:
        done = subprocess.run(["bash", "-c", check], cwd=ROOT, env={"GITHUB_REF_NAME": tag}, check=False)
        assert done.returncode == code
