"""Site memories on disk: files named by the digest of their content, and a file that names the newest.

Memory files do not change: a run records which memory it used, and its replay uses the same file again. Only
a takedown that erases pages removes them here too.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
import zlib
from pathlib import Path

from newscrawl.archive.manifest import remove_from_manifest, update_manifest
from newscrawl.errors import ArchiveError
from newscrawl.storage import atomic_write, list_stored_sizes, open_stored

CURRENT = "memory.current"
"Names the newest memory of a folder."
OLD_NAME = "name"
"Key of the file's name in a memory from which pages were erased: the name is no longer that of its content."
MAX_BYTES = 64 * 1024 * 1024
"A file that unpacks to more is no memory."
_LEVEL = 6
"Of gzip: the highest takes twice the time for 0.3 % of a file that is mostly digests."
_NAME = re.compile(r"memory-[0-9a-f]{16}\.json\.gz")


def memory_name(data: bytes) -> str:
    """The file name of a memory, made from its content."""
    return f"memory-{hashlib.sha256(data).hexdigest()[:16]}.json.gz"


def is_memory_name(name: str) -> bool:
    """Whether a file of this name is a memory."""
    return bool(_NAME.fullmatch(name))


def newest_memory(folder: Path) -> Path | None:
    """The memory that a new run uses; None where nothing was learned yet."""
    try:
        name = (folder / CURRENT).read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise ArchiveError(f"cannot read {folder / CURRENT}: {error}") from error
    return find_memory(folder, name)


def find_memory(folder: Path, name: str) -> Path:
    """The memory file with this name; ArchiveError if there is none."""
    if not is_memory_name(name):
        raise ArchiveError(
            f"{name!r} in {folder} is not the name of a memory, such as memory-0123456789abcdef.json.gz"
        )
    path = folder / name
    if not path.is_file() and name not in list_stored_sizes(folder):
        raise ArchiveError(f"no such memory: {path}")
    return path


def read_memory(path: Path) -> bytes:
    """The content of a memory; ArchiveError when it does not match the file name."""
    try:
        with open_stored(path) as file, gzip.open(file) as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise ArchiveError(f"cannot read {path}: {error}") from error
    if memory_name(data) != path.name and _read_old_name(data) != path.name:
        raise ArchiveError(f"{path} is damaged: its content is that of {memory_name(data)}")
    return data


def _read_old_name(data: bytes) -> str | None:
    """The name that `replace_memory` noted; None in all other memories."""
    try:
        memory = json.loads(data)
        return str(memory[OLD_NAME]) if isinstance(memory, dict) and OLD_NAME in memory else None
    except (ValueError, RecursionError):
        return None


def replace_memory(path: Path, data: bytes) -> None:
    """Replace a memory from which pages were erased; runs refer to it by its name, which stays."""
    memory = json.loads(data) | {OLD_NAME: path.name}
    text = json.dumps(memory, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    with atomic_write(path) as out:
        out.write(gzip.compress(text.encode() + b"\n", compresslevel=_LEVEL, mtime=0))
        # Before the rename: killed between the two, a repair adds the file again with its new digest.
        remove_from_manifest(path)
    update_manifest(path)


def write_memory(folder: Path, data: bytes) -> tuple[Path, bool]:
    """Write a memory and make it the newest; also tells whether its file is new."""
    path = folder / memory_name(data)
    is_new = not path.is_file()
    # Several processes may write the same memory at the same time.
    draft_suffix = f".{os.getpid()}.tmp"
    if is_new:
        with atomic_write(path, draft_suffix) as out:
            # Without a time stamp, so that equal memories are equal files.
            out.write(gzip.compress(data, compresslevel=_LEVEL, mtime=0))
    with atomic_write(folder / CURRENT, draft_suffix) as out:
        out.write(f"{path.name}\n".encode())
    return path, is_new
