"""The manifest of a folder: a line for each finished file, in the form `sha256sum -c` reads."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from newscrawl.errors import ArchiveError, archive_errors
from newscrawl.storage import atomic_write

MANIFEST = "MANIFEST.sha256"
ARRIVED = ".bucket.sha256"
"Lines in the same form for what a bucket has or had of a folder's files, the present state last."
_LINES = re.compile(rb"(?m)^([0-9a-f]{64}) [ *]([^\n\0/]{1,255})\n")
_NAME_START = 66
"Where the name begins in a line: behind the digest and two characters."


def add_to_manifest(path: Path, digest: str | None = None) -> None:
    """Add a file that has got its final name; its digest is computed unless the writer has it already.

    Several processes may add to a manifest at once: a line is a single appending write.
    """
    append_entries(path.parent / MANIFEST, {path.name: digest or file_sha256(path)})


def append_entries(manifest: Path, digests: Mapping[str, str]) -> None:
    """Add lines to a manifest in a single write, whole or not at all."""
    line = format_manifest(digests)
    with archive_errors(f"write {manifest}"):
        fd = os.open(manifest, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            size = os.fstat(fd).st_size
            # A line that a full disk cut short must not swallow the next line.
            if size and os.pread(fd, 1, size - 1) != b"\n":
                line = b"\n" + line
            if (written := os.write(fd, line)) < len(line):
                # Half a name would be that of another file.
                if os.fstat(fd).st_size == size + written:
                    os.ftruncate(fd, size)
                raise OSError(None, "the line was written in part only")
            os.fsync(fd)
        finally:
            os.close(fd)


def update_manifest(path: Path) -> None:
    """Replace the lines of a file that was rewritten: `sha256sum -c` checks every line, old ones too.

    The caller must be the only writer in the folder.
    """
    remove_from_manifest(path)
    add_to_manifest(path)


def remove_from_manifest(path: Path) -> None:
    """Remove a file that is about to be replaced: after a kill in between, a repair lists it anew.

    The caller must be the only writer in the folder.
    """
    manifest, name = path.parent / MANIFEST, os.fsencode(path.name)
    try:
        lines = manifest.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        return
    except OSError as error:
        raise ArchiveError(f"cannot read {manifest}: {error.strerror}") from error
    remaining = [line for line in lines if line[_NAME_START:].rstrip(b"\n") != name]
    if len(remaining) < len(lines):
        with atomic_write(manifest) as out:
            out.writelines(remaining)


def file_sha256(path: Path) -> str:
    """Hex digest of a file; ArchiveError when it cannot be read."""
    with archive_errors(f"read {path}"), path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_manifest(folder: Path, name: str = MANIFEST) -> dict[str, str]:
    """Digests by file name, the last line of a name counts; empty without a manifest."""
    try:
        return parse_manifest((folder / name).read_bytes())
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ArchiveError(f"cannot read {folder / name}: {error.strerror}") from error


def parse_manifest(data: bytes) -> dict[str, str]:
    """Digests by file name, the last line of a name counts; broken lines are skipped."""
    return dict(iter_entries(data))


def iter_entries(data: bytes) -> Iterator[tuple[str, str]]:
    """Name and digest of each line, in their order; broken lines are skipped."""
    for match in _LINES.finditer(data):
        yield match[2].decode("utf-8", "surrogateescape"), match[1].decode("ascii")


def format_manifest(digests: Mapping[str, str]) -> bytes:
    """The manifest of these files, sorted by name."""
    lines = (f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    return "".join(lines).encode("utf-8", "surrogateescape")
