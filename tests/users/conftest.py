"""The virtual environment of the image, made once: what users of the wheel have, and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from users.containerfile import Image, build_image

ROOT = Path(__file__).parents[2]
CONTAINERFILE = ROOT / "deploy" / "Containerfile"
PASSED_ON = ("PIP_", "SSL_", "REQUESTS_", "HTTP", "http", "NO_PROXY", "no_proxy")
"Variables by which a machine finds its package index."
IMAGE_USER = 10001


def base_python() -> tuple[Path, bool]:
    """A Python as base images have it, and whether the user of the image may run it too."""
    candidates = [Path(sys.base_prefix) / "bin" / "python3", Path("/usr/bin/python3")]
    check = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))"
    for python in candidates if os.geteuid() == 0 else []:
        with suppress(OSError, subprocess.CalledProcessError):
            subprocess.run(
                [python, "-c", check],
                cwd="/",
                user=IMAGE_USER,
                group=IMAGE_USER,
                extra_groups=[],
                check=True,
                capture_output=True,
            )
            return python, True
    return candidates[0], False


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """The image, by the steps of its file, in a folder that its user can reach as well."""
    python, is_for_others = base_python()
    top = Path(tempfile.mkdtemp(prefix="newscrawl-image-"))
    try:
        top.chmod(0o755)
        passed_on = {name: value for name, value in os.environ.items() if name.startswith(PASSED_ON)}
        base = {
            "PATH": f"{python.parent}:/usr/bin:/bin",
            "HOME": str(top / "home"),
            # What pip has downloaded before need not come again.
            "PIP_CACHE_DIR": str(Path.home() / ".cache" / "pip"),
            **passed_on,
        }
        built = build_image(CONTAINERFILE, ROOT, top / "root", base)
        if not is_for_others:
            built.user = 0
        yield built
    finally:
        shutil.rmtree(top, ignore_errors=True)


@pytest.fixture(scope="module")
def programs(image: Image) -> Path:
    """The folder of the programs that the image has on its path."""
    return Path(image.environment["PATH"].partition(":")[0])
