"""Unpacks the browser programs of package.json below a folder: `unpack.py FOLDER`.

They come as bundles, so what they were built from is not needed and not installed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path


def unpack(name: str, version: str, folder: Path) -> None:
    """Fetch one package with npm and lay it where npm would."""
    with tempfile.TemporaryDirectory() as scratch:
        command = ["npm", "pack", "--silent", f"{name}@{version}", "--pack-destination", scratch]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (packed,) = Path(scratch).glob("*.tgz")
        with tarfile.open(packed) as archive:
            archive.extractall(scratch, filter="data")
        target = folder / "node_modules" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            shutil.move(Path(scratch) / "package", target)


if __name__ == "__main__":
    wanted = json.loads(Path(__file__).with_name("package.json").read_text())["dependencies"]
    for package, number in wanted.items():
        unpack(package, number, Path(sys.argv[1]))
