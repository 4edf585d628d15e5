"""Writes requirements.txt and deploy/requirements.txt from the ranges in pyproject.toml.

They hold for each supported system and Python. `python tests/pins.py` keeps the versions that are pinned
where the ranges allow them; `--upgrade` takes the newest.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from packaging.markers import Marker
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SYSTEMS = {"linux": "Linux", "darwin": "Darwin"}
"Supported systems as `sys_platform` and `platform_system`."
PIN_FILES = {"requirements.txt": (), "deploy/requirements.txt": ("postgres", "s3", "view")}
"Each file of pins, with the extras that are installed there."
HEADS = {
    "requirements.txt": "# What a crawl machine installs, to the version, on Linux and macOS.\n",
    "deploy/requirements.txt": "# What the container installs, to the version: with postgres, s3 and view.\n",
}
MADE_BY = "# Made by `make pins` from the ranges in pyproject.toml.\n"


def environments() -> Iterator[dict[str, str]]:
    """The values of markers on each supported system and Python."""
    for python in PYTHONS:
        for system, name in SYSTEMS.items():
            yield {
                "python_version": python,
                "python_full_version": f"{python}.0",
                "sys_platform": system,
                "platform_system": name,
                "os_name": "posix",
                "implementation_name": "cpython",
                "platform_python_implementation": "CPython",
            }


def simplify_marker(marker: Marker) -> str | None:
    """The marker as far as it matters on what is supported: "" if it always holds, None if it never does."""
    holds = [environment for environment in environments() if marker.evaluate(environment)]
    pythons = [python for python in PYTHONS if any(one["python_version"] == python for one in holds)]
    systems = [system for system in SYSTEMS if any(one["sys_platform"] == system for one in holds)]
    if not holds:
        return None
    if len(holds) != len(pythons) * len(systems):
        return str(marker)
    parts = []
    if len(systems) < len(SYSTEMS):
        parts.append(f'sys_platform == "{systems[0]}"')
    if pythons[0] != PYTHONS[0]:
        parts.append(f'python_version >= "{pythons[0]}"')
    if pythons[-1] != PYTHONS[-1]:
        parts.append(f'python_version < "{PYTHONS[PYTHONS.index(pythons[-1]) + 1]}"')
    return " and ".join(parts)


def simplify_pins(resolved: str) -> list[str]:
    """The lines that some supported system needs, with markers a person can read."""
    lines = []
    for line in resolved.splitlines():
        if line.strip() and not line.startswith("#"):
            pin = Requirement(line)
            marker = simplify_marker(pin.marker) if pin.marker else ""
            if marker is not None:
                lines.append(f"{pin.name}{pin.specifier}" + (f" ; {marker}" if marker else ""))
    return lines


def resolve(name: str, *, upgrade: bool) -> list[str]:
    """The lines of a file of pins."""
    command = [str(Path(sys.executable).with_name("uv")), "pip", "compile", "--quiet", "--universal"]
    command += ["--python-version", PYTHONS[0], "--no-annotate", "--no-header", "pyproject.toml"]
    command += [word for extra in PIN_FILES[name] for word in ("--extra", extra)]
    # The extras of a service come in the versions that the tests run with.
    held = [] if name == "requirements.txt" else ["requirements.txt", "tests/requirements.txt"]
    command += [word for path in held for word in ("--constraint", path)]
    before = "" if upgrade else (ROOT / name).read_text() if (ROOT / name).exists() else ""
    pins = ROOT / "build" / "pins.txt"
    pins.parent.mkdir(exist_ok=True)
    # uv keeps what the file that it writes says already.
    pins.write_text(before, encoding="utf-8")
    subprocess.run([*command, "--output-file", str(pins)], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    lines = simplify_pins(pins.read_text(encoding="utf-8"))
    pins.unlink()
    return lines


def main(arguments: list[str]) -> None:
    for name in PIN_FILES:
        lines = resolve(name, upgrade="--upgrade" in arguments)
        (ROOT / name).write_text(HEADS[name] + MADE_BY + "\n".join(lines) + "\n", encoding="utf-8")
        print(f"{name}: {len(lines)} packages")


if __name__ == "__main__":
    main(sys.argv[1:])
