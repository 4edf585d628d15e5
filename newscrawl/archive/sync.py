"""Finished files of the archive in another place too: each is sent once, and known to have arrived.

What a folder's manifest names is finished. The manifest at the other end names what has arrived: a file comes
into it after it was read back there and found equal, so a killed sync begins again with what is not in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

from newscrawl.archive.manifest import MANIFEST, manifest_of, manifest_text, read_manifest, sha256_of
from newscrawl.archive.takedown import BLOCKED
from newscrawl.errors import ArchiveError, StorageError
from newscrawl.storage import Storage

Outcome = Literal["sent", "there", "known", "gone", "damaged", "failed"]
BATCH_BYTES = 256 << 20
"The other end's manifest is written anew after so many bytes, for whoever reads there meanwhile."


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A file that its folder's manifest names."""

    path: Path
    digest: str
    "Hex SHA-256, as the manifest has it."

    @property
    def name(self) -> str:
        """Its name at the other end: outlet and file."""
        return f"{self.path.parent.name}/{self.path.name}"


@dataclass(frozen=True, kw_only=True)
class Synced:
    """What became of one file."""

    file: Finished
    outcome: Outcome
    """`sent` now; `there` since a sync that was killed; `known` to be there; `gone` from this machine before
    it was sent; `damaged`: it is not what its manifest says; `failed`: the other end gave an error."""
    bytes: int = 0
    detail: str = ""


def sync_folder(
    folder: Path,
    storage: Storage,
    *,
    reads_back: bool = True,
    is_trial: bool = False,
    told: Callable[[Synced], None] = lambda _: None,
) -> list[Synced]:
    """Send what has not arrived of an outlet's folder. A file that fails costs no other its turn.

    ArchiveError when the folder's manifest cannot be read, StorageError when that at the other end cannot.
    """
    arrived = _arrived(storage, folder.name)
    done: list[Synced] = []
    unnoted = 0
    for file in finished_files(folder):
        if arrived.get(file.path.name) == file.digest:
            synced = Synced(file=file, outcome="known")
        else:
            synced = _sent(file, storage, reads_back=reads_back, is_trial=is_trial)
        if synced.outcome in ("sent", "there") and not is_trial:
            arrived[file.path.name] = file.digest
            unnoted += synced.bytes
        if unnoted > BATCH_BYTES:
            _note(storage, folder.name, arrived)
            unnoted = 0
        done.append(synced)
        told(synced)
    if not is_trial and any(one.outcome in ("sent", "there") for one in done):
        _note(storage, folder.name, arrived)
    return done


def finished_files(folder: Path) -> Iterator[Finished]:
    """Files of a folder's manifest, in the order of names: those of one run stand together.

    The list of what was taken down comes first, for it holds over there too.
    """
    blocked = folder / BLOCKED
    if blocked.is_file():
        yield Finished(path=blocked, digest=sha256_of(blocked))
    for name, digest in sorted(read_manifest(folder).items()):
        yield Finished(path=folder / name, digest=digest)


def _arrived(storage: Storage, outlet: str) -> dict[str, str]:
    return manifest_of(storage.read(f"{outlet}/{MANIFEST}") or b"")


def _note(storage: Storage, outlet: str, arrived: dict[str, str]) -> None:
    """Write the other end's manifest; lines that another machine has added meanwhile stay."""
    both = _arrived(storage, outlet) | arrived
    storage.put(f"{outlet}/{MANIFEST}", BytesIO(manifest_text(both)))


def _sent(file: Finished, storage: Storage, *, reads_back: bool, is_trial: bool) -> Synced:
    try:
        size = file.path.stat().st_size
    except OSError:
        return Synced(file=file, outcome="gone", detail=f"{file.path} is not there any more")
    if is_trial:
        return Synced(file=file, outcome="sent", bytes=size)
    try:
        # Whole, and never noted: the sync before was killed between the two.
        if storage.size(file.name) == size and storage.digest(file.name) == file.digest:
            return Synced(file=file, outcome="there", bytes=size)
        return _put(file, storage, size, reads_back=reads_back)
    except (StorageError, ArchiveError) as error:
        return Synced(file=file, outcome="failed", detail=str(error))


def _put(file: Finished, storage: Storage, size: int, *, reads_back: bool) -> Synced:
    # Before it is sent: what stands at the other end may be the last whole copy.
    if sha256_of(file.path) != file.digest:
        return Synced(file=file, outcome="damaged", detail=f"{file.path} is not what {MANIFEST} says")
    try:
        with file.path.open("rb") as stream:
            written = storage.put(file.name, stream)
    except OSError as error:
        raise ArchiveError(f"cannot read {file.path}: {error.strerror}") from error
    is_whole = written == file.digest and storage.size(file.name) == size
    if not is_whole or (reads_back and storage.digest(file.name) != file.digest):
        return Synced(file=file, outcome="failed", detail=f"{storage.url}/{file.name} came to differ")
    return Synced(file=file, outcome="sent", bytes=size)
