"""Takes the steps of deploy/Containerfile in a folder of this machine, which needs no container engine.

The root of each stage is a folder, and absolute paths that the image makes lie below it. The base image is
what this machine has; it is not covered, nor is the isolation of an engine.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dockerfile_parse import DockerfileParser

OWN_PATHS = re.compile(r"(?<![\w./=-])/(src|opt|project)\b")
"Folders that the image makes."


@dataclass(frozen=True)
class Step:
    """An instruction and its words."""

    instruction: str
    value: str


@dataclass
class Image:
    """A stage as it is built, and in the end the image."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    folder: str = "/"
    user: int = 0
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    healthcheck: list[str] = field(default_factory=list)

    def below_root(self, text: str) -> str:
        """The text with the image's paths where they are on this machine."""
        return OWN_PATHS.sub(lambda match: f"{self.root}{match[0]}", text)

    def process_arguments(self, more: Mapping[str, str], user: int | None = None) -> dict[str, Any]:
        """Arguments of a process in a container of this image: variables, folder and, where root asks, user.

        The user has neither a name nor a home, as in the image.
        """
        owner = self.user if user is None else user
        arguments = {"env": {**self.environment, **more}, "cwd": self.below_root(self.folder)}
        if os.geteuid() == 0 and owner:
            return {**arguments, "user": owner, "group": owner, "extra_groups": []}
        return arguments

    def set_variables(self, value: str) -> None:
        for name, text in re.findall(r"(\w+)=(\S+)", value):
            filled = re.sub(r"\$(\w+)", lambda match: self.environment[match[1]], text)
            self.environment[name] = re.sub(r"^(?=/opt)", str(self.root), filled)

    def note(self, step: Step) -> bool:
        """Keep what the step says of containers; whether it is such a step."""
        match step.instruction:
            case "ENV":
                self.set_variables(step.value)
            case "USER":
                self.user = int(step.value.partition(":")[0])
            case "HEALTHCHECK":
                self.healthcheck = json.loads(step.value.partition("CMD")[2])
            case "ENTRYPOINT":
                self.entrypoint = json.loads(step.value)
            case "CMD":
                self.command = json.loads(step.value)
            case _:
                return False
        return True


def read_steps(path: Path) -> list[Step]:
    with path.open("rb") as file:
        found = DockerfileParser(fileobj=file).structure
    return [
        Step(entry["instruction"], entry["value"]) for entry in found if entry["instruction"] != "COMMENT"
    ]


def copied_paths(steps: list[Step]) -> set[str]:
    """What comes from the checkout."""
    return {
        source
        for step in steps
        if step.instruction == "COPY" and not step.value.startswith("--from")
        for source in step.value.split()[:-1]
    }


def build_image(path: Path, context: Path, root: Path, base: Mapping[str, str]) -> Image:
    """The image of the file's last stage, in `root`; AssertionError if a step fails.

    `base`: the variables of the base image, with a `python3` of this machine on PATH.
    """
    image, stage = Image(root), root.with_name("stage")
    for step in read_steps(path):
        if image.note(step):
            continue
        match step.instruction:
            case "FROM":
                # What was built so far is the stage that later steps copy from. The root keeps its name:
                # a virtual environment knows where it lies.
                if root.exists():
                    root.rename(stage)
                root.mkdir(mode=0o755)
                image = Image(root, environment=dict(base))
            case "WORKDIR":
                image.folder = step.value
                Path(image.below_root(step.value)).mkdir(parents=True, exist_ok=True)
            case "COPY":
                copy_files(step.value, image, context, stage)
            case "RUN":
                run_shell(step.value, image)
            case "VOLUME":
                assert Path(image.below_root(step.value)).is_dir()
            case other:
                raise AssertionError(f"{other}: this step is not known here")
    shutil.rmtree(stage, ignore_errors=True)
    return image


def copy_files(value: str, image: Image, context: Path, stage: Path) -> None:
    words = value.split()
    if words[0].startswith("--from="):
        (source, target) = words[1:]
        destination = Path(image.below_root(target))
        destination.parent.mkdir(parents=True, exist_ok=True)
        # Moved, for nothing else reads the earlier stage.
        (stage / source.removeprefix("/")).rename(destination)
        return
    *sources, target = words
    destination = Path(image.below_root(target))
    for source in sources:
        if (context / source).is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "*.so")
            shutil.copytree(context / source, destination, dirs_exist_ok=True, ignore=ignored)
        else:
            destination.mkdir(parents=True, exist_ok=True)
            shutil.copy(context / source, destination)


def run_shell(script: str, image: Image) -> None:
    script = image.below_root(script)
    if os.geteuid() != 0:
        # Only root can give a folder away; the image's owner is then whoever runs this.
        script = re.sub(r"\bchown \S+ ", "true ", script)
    done = subprocess.run(
        ["sh", "-euc", script],
        cwd=image.below_root(image.folder),
        env=image.environment,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
