"""What is learned of an outlet, on disk: files named by the digest of what they say, and which is newest.

Files are never changed: a run notes the one it used, and its replay uses it again.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import zlib
from pathlib import Path

from newscrawl.errors import ArchiveError

CURRENT = "memory.current"
"Names the newest memory of a folder."
MAX_BYTES = 64 * 1024 * 1024
"A memory that unpacks to more is none of ours."
_NAME = re.compile(r"memory-[0-9a-f]{16}\.json\.gz")


def memory_name(data: bytes) -> str:
    """The file name of a memory: it tells the content."""
    return f"memory-{hashlib.sha256(data).hexdigest()[:16]}.json.gz"


def is_memory_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def newest_memory(folder: Path) -> Path | None:
    """The memory a run that begins now uses; None where nothing was learned yet."""
    try:
        name = (folder / CURRENT).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ArchiveError(f"cannot read {folder / CURRENT}: {error}") from error
    return memory_named(folder, name)


def memory_named(folder: Path, name: str) -> Path:
    """The memory file of this name; ArchiveError where there is none."""
    if not is_memory_name(name):
        raise ArchiveError(f"{name!r} in {folder} is no name of a memory, as memory-0123456789abcdef.json.gz")
    path = folder / name
    if not path.is_file():
        raise ArchiveError(f"no such memory: {path}")
    return path


def read_memory(path: Path) -> bytes:
    """What a memory says; ArchiveError when its name does not fit its content."""
    try:
        with gzip.open(path) as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ArchiveError(f"cannot read {path}: {error}") from error
    if memory_name(data) != path.name:
        raise ArchiveError(f"{path} is damaged: its content is that of {memory_name(data)}")
    return data


def write_memory(folder: Path, data: bytes) -> tuple[Path, bool]:
    """Write a memory and make it the newest; tells also whether its file is a new one."""
    path = folder / memory_name(data)
    new = not path.is_file()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if new:
            # No time stamp, so that equal memories are equal files.
            _replace(path, gzip.compress(data, compresslevel=9, mtime=0))
        _replace(folder / CURRENT, f"{path.name}\n".encode())
    except OSError as error:
        raise ArchiveError(f"cannot write {path}: {error.strerror}") from error
    return path, new


def _replace(path: Path, data: bytes) -> None:
    """Write a file whole or not at all, for good."""
    draft = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)
