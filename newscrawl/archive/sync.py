"""Copies finished files of the archive to a remote storage, each of them once.

A file is finished when its folder's manifest names it, and has arrived when the remote manifest names it.
A file is added there only after it was read back and compared, so a killed sync resumes with what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Literal

from newscrawl.archive.lines import ARTICLES_SUFFIX
from newscrawl.archive.manifest import MANIFEST, file_sha256, format_manifest, parse_manifest, read_manifest
from newscrawl.archive.memory_files import CURRENT
from newscrawl.archive.report import QUIET_REPORTS_SUFFIX, REPORT_SUFFIX
from newscrawl.archive.takedown import BLOCK_LIST
from newscrawl.errors import ArchiveError, StorageError, archive_errors
from newscrawl.storage import Storage

Outcome = Literal["sent", "there", "known", "gone", "damaged", "failed"]
_MANIFEST_ATTEMPTS = 5
BATCH_BYTES = 256 << 20
"The remote manifest is rewritten after so many bytes, for those who read there meanwhile."


@dataclass(frozen=True, kw_only=True)
class FinishedFile:
    """A file in the manifest of its folder."""

    path: Path
    digest: str
    "Hex SHA-256 from the manifest."

    @property
    def name(self) -> str:
        """Its remote name: outlet and file."""
        return f"{self.path.parent.name}/{self.path.name}"


@dataclass(frozen=True, kw_only=True)
class SyncResult:
    """What became of a file."""

    file: FinishedFile
    outcome: Outcome
    """`sent` now; `there` since a killed sync; `known` from the remote manifest; `gone` from this machine
    before it was sent; `damaged`: it does not match its manifest; `failed`: the storage gave an error."""
    bytes: int = 0
    detail: str = ""


def send_folder(
    folder: Path,
    storage: Storage,
    *,
    files: Iterable[FinishedFile] | None = None,
    arrived: dict[str, str] | None = None,
    reads_back: bool = True,
    is_trial: bool = False,
    stops_at_failure: bool = False,
    on_result: Callable[[SyncResult], None] = lambda _: None,
) -> list[SyncResult]:
    """Send the files of an outlet's folder that have not arrived. A failure does not stop the other files.

    `files`: these files, in their order, instead of all that are finished. `arrived`: the remote manifest, if
    it was just read. `stops_at_failure`: the first file that the storage does not take is the last result.
    ArchiveError when the folder's manifest cannot be read, StorageError when the remote manifest cannot.
    """
    if arrived is None:
        arrived = read_remote_manifest(storage, folder.name)
    results: list[SyncResult] = []
    unlisted_bytes = 0
    for file in finished_files(folder) if files is None else files:
        if arrived.get(file.path.name) == file.digest:
            result = SyncResult(file=file, outcome="known")
        else:
            result = _send_file(file, storage, reads_back=reads_back, is_trial=is_trial)
        if result.outcome in ("sent", "there") and not is_trial:
            arrived[file.path.name] = file.digest
            unlisted_bytes += result.bytes
        if unlisted_bytes > BATCH_BYTES:
            _write_remote_manifest(storage, folder.name, arrived)
            unlisted_bytes = 0
        results.append(result)
        on_result(result)
        if result.outcome == "failed" and stops_at_failure:
            break
    if not is_trial and any(result.outcome in ("sent", "there") for result in results):
        _write_remote_manifest(storage, folder.name, arrived)
    return results


def finished_files(folder: Path) -> Iterator[FinishedFile]:
    """Files of a folder, in the order in which they are sent.

    The block list of takedowns comes first, since it applies to the copy too. Records go before the lines
    that point at them, and what names other files goes last.
    """
    block_list = folder / BLOCK_LIST
    if block_list.is_file():
        yield FinishedFile(path=block_list, digest=file_sha256(block_list))
    listed = read_manifest(folder).items()
    for name, digest in sorted(listed, key=lambda entry: (_sending_order(entry[0]), entry[0])):
        yield FinishedFile(path=folder / name, digest=digest)
    current = folder / CURRENT
    if current.is_file():
        yield FinishedFile(path=current, digest=file_sha256(current))


def _sending_order(name: str) -> int:
    if name.endswith((REPORT_SUFFIX, QUIET_REPORTS_SUFFIX)):
        return 2
    return 1 if name.endswith(ARTICLES_SUFFIX) else 0


def read_remote_manifest(storage: Storage, outlet: str) -> dict[str, str]:
    """Digests by name of the files of an outlet that have arrived."""
    return parse_manifest(storage.read(f"{outlet}/{MANIFEST}") or b"")


def _write_remote_manifest(storage: Storage, outlet: str, arrived: dict[str, str]) -> None:
    """Write the remote manifest; lines that another machine has added meanwhile stay.

    It is read again in the end: where no lease keeps others away, one that wrote at the same moment may have
    left our lines out.
    """
    for _ in range(_MANIFEST_ATTEMPTS):
        merged = read_remote_manifest(storage, outlet) | arrived
        storage.put(f"{outlet}/{MANIFEST}", BytesIO(format_manifest(merged)))
        if arrived.items() <= read_remote_manifest(storage, outlet).items():
            return
    raise StorageError(f"{storage.url}/{outlet}/{MANIFEST}: others write it all the time")


def _send_file(file: FinishedFile, storage: Storage, *, reads_back: bool, is_trial: bool) -> SyncResult:
    try:
        size = file.path.stat().st_size
    except OSError:
        return SyncResult(file=file, outcome="gone", detail=f"{file.path} does not exist any more")
    if is_trial:
        return SyncResult(file=file, outcome="sent", bytes=size)
    try:
        # Complete but not in the remote manifest: the sync before was killed between the two.
        if storage.size(file.name) == size and storage.digest(file.name, size) == file.digest:
            return SyncResult(file=file, outcome="there", bytes=size)
        return _upload(file, storage, size, reads_back=reads_back)
    except (StorageError, ArchiveError) as error:
        return SyncResult(file=file, outcome="failed", detail=str(error))


def _upload(file: FinishedFile, storage: Storage, size: int, *, reads_back: bool) -> SyncResult:
    # Before sending: the remote file may be the last whole copy.
    if file_sha256(file.path) != file.digest:
        if read_manifest(file.path.parent).get(file.path.name) != file.digest:
            # A quiet run has written to it meanwhile, or is about to list it again.
            return SyncResult(file=file, outcome="gone", detail=f"{file.path} has just changed")
        return SyncResult(file=file, outcome="damaged", detail=f"{file.path} does not match {MANIFEST}")
    with archive_errors(f"read {file.path}"), file.path.open("rb") as stream:
        written = storage.put(file.name, stream)
    is_whole = written == file.digest and (reads_back or storage.size(file.name) == size)
    if not is_whole or (reads_back and storage.digest(file.name, size) != file.digest):
        return SyncResult(
            file=file, outcome="failed", detail=f"{storage.url}/{file.name} differs after the upload"
        )
    return SyncResult(file=file, outcome="sent", bytes=size)
