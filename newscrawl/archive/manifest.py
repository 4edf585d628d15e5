"""The manifest of a folder: one line for each finished file, as `sha256sum -c` reads it."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from newscrawl.errors import ArchiveError

MANIFEST = "MANIFEST.sha256"
BLOCK_BYTES = 1 << 20
_LINES = re.compile(rb"(?m)^([0-9a-f]{64}) [ *]([^\n\0/]{1,255})\n")


def note_finished(path: Path, digest: str | None = None) -> None:
    """Add a file that has got its final name; its digest is computed unless the writer knows it.

    Several processes may add to one manifest at once: a line is one appending write.
    """
    manifest = path.parent / MANIFEST
    line = f"{digest or sha256_of(path)}  {path.name}\n".encode()
    try:
        fd = os.open(manifest, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            _append_line(fd, line)
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        raise ArchiveError(f"cannot write {manifest}: {error.strerror}") from error


def replace_finished(path: Path) -> None:
    """The line of a file that was rewritten, and no older one of it: `sha256sum -c` takes each at its word.

    For those who are alone in the folder.
    """
    forget_finished(path)
    note_finished(path)


def forget_finished(path: Path) -> None:
    """Take a file out before another takes its place: killed between the two, a repair lists what is there.

    For those who are alone in the folder.
    """
    manifest, name = path.parent / MANIFEST, os.fsencode(path.name)
    draft = manifest.with_name(f"{MANIFEST}.tmp")
    try:
        if manifest.exists():
            lines = manifest.read_bytes().splitlines(keepends=True)
            draft.write_bytes(b"".join(line for line in lines if line[66:].rstrip(b"\n") != name))
            draft.rename(manifest)
    except OSError as error:
        raise ArchiveError(f"cannot write {manifest}: {error.strerror}") from error


def _append_line(fd: int, line: bytes) -> None:
    size = os.fstat(fd).st_size
    # A line that a full disk cut short must not swallow the next one.
    if size and os.pread(fd, 1, size - 1) != b"\n":
        line = b"\n" + line
    if os.write(fd, line) < len(line):
        raise OSError(None, "the line was written in part only")


def sha256_of(path: Path) -> str:
    """Hex digest of a file, read block by block; ArchiveError when it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while block := stream.read(BLOCK_BYTES):
                digest.update(block)
    except OSError as error:
        raise ArchiveError(f"cannot read {path}: {error.strerror}") from error
    return digest.hexdigest()


def read_manifest(folder: Path) -> dict[str, str]:
    """File name -> digest, the last line of a name counts; empty without a manifest. Broken lines are
    skipped."""
    try:
        return manifest_of((folder / MANIFEST).read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ArchiveError(f"cannot read {folder / MANIFEST}: {error.strerror}") from error


def manifest_of(data: bytes) -> dict[str, str]:
    """The same of a manifest's bytes."""
    matches = _LINES.finditer(data)
    return {match[2].decode("utf-8", "surrogateescape"): match[1].decode("ascii") for match in matches}


def manifest_text(digests: Mapping[str, str]) -> bytes:
    """A manifest of these files, by name."""
    lines = (f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    return "".join(lines).encode("utf-8", "surrogateescape")
