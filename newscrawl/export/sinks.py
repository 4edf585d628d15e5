"""Where exports go: a folder, a single file, or a URL; `sink_for` chooses by the options."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from newscrawl.archive.manifest import file_sha256
from newscrawl.errors import NewscrawlError
from newscrawl.export.card import CARD_NAME, DATA_FOLDER, PartitionFacts, write_card
from newscrawl.export.formats import (
    COMPRESSION_SUFFIXES,
    Format,
    choose_format,
    compress_into,
    guess_compression,
)
from newscrawl.export.manifest import NAME, ExportCounts, JsonObject, Manifest, OtherExport
from newscrawl.export.partitions import Partition
from newscrawl.export.run import Selection, Sink
from newscrawl.export.sqlite import SqliteSink
from newscrawl.items import Article
from newscrawl.storage import (
    Storage,
    atomic_write,
    durable_rename,
    fsync_folder,
    hide_credentials,
    is_remote,
    local_path,
)

FILE_STEM = "articles"
DRAFT, OLD = ".part", ".old"
PARTITIONS_PER_UPLOAD = 20
"Partitions between two uploads of the manifest, which is how many a kill may cause to be written twice."
SINGLE_FILE_SUFFIXES = {
    "jsonl": tuple(f".jsonl{suffix}" for suffix in COMPRESSION_SUFFIXES.values()),
    "csv": tuple(f".csv{suffix}" for suffix in COMPRESSION_SUFFIXES.values()),
    "wet": (".warc.wet.gz",),
}
"Suffixes of `--out` that ask for a single file, by format."


@dataclass(kw_only=True)
class FolderSink:
    """Writes partitions below `manifest.folder`."""

    format: Format
    manifest: Manifest
    has_card: bool = False
    "Whether the folder is a data set of Hugging Face, with its card."

    def open(self) -> None:
        self.manifest.open()

    def find_counts(self, partition: Partition, inputs: str) -> ExportCounts | None:
        if self.has_card and "facts" not in self.manifest.units.get(partition.key, {}):
            return None
        return self.manifest.find_counts(partition.key, inputs)

    def write(
        self, partition: Partition, inputs: str, articles: Iterable[Article], counts: ExportCounts
    ) -> None:
        """Write the rows of a partition, give them their final name, and record it."""
        final, facts = self._final_path(partition), PartitionFacts() if self.has_card else None
        try:
            path = self._write_rows(partition, final, articles, counts, facts)
        except OSError as error:
            raise NewscrawlError(f"cannot write {final}: {error.strerror or error}") from error
        files = [_describe_file(path, self.manifest.folder)] if path else []
        counts.bytes, counts.files = sum(file["bytes"] for file in files), len(files)
        self._deliver(partition, path)
        self.manifest.record(partition.key, inputs, counts, files, facts.as_dict() if facts else None)

    def close(self) -> Path | None:
        self.manifest.close()
        if self.has_card:
            path = self.manifest.folder / CARD_NAME
            try:
                former = path.read_text(encoding="utf-8") if path.exists() else ""
                with atomic_write(path) as stream:
                    stream.write(self._write_card(former).encode("utf-8", "replace"))
            except (OSError, UnicodeDecodeError) as error:
                raise NewscrawlError(f"cannot write {path}: {error}") from error
        return None

    def abandon(self) -> None:
        self.manifest.abandon()

    def _folder_name(self, partition: Partition) -> str:
        """Of a data set the files stand apart: readers of whole folders would take its card for data."""
        return f"{DATA_FOLDER}/{partition.key}" if self.has_card else partition.key

    def _write_card(self, former: str) -> str:
        return write_card(self.manifest.units, self.manifest.options, self.format.suffix, former)

    def _deliver(self, partition: Partition, path: Path | None) -> None:
        """Called before a partition is recorded; `path` is None if nothing of it is exported."""

    def _write_rows(
        self,
        partition: Partition,
        final: Path,
        articles: Iterable[Article],
        counts: ExportCounts,
        facts: PartitionFacts | None,
    ) -> Path | None:
        draft = final.parent / f".{final.name}{DRAFT}"
        final.parent.mkdir(parents=True, exist_ok=True)
        _remove_path(draft)
        with self.format.open(draft, partition, counts) as add:
            for article in articles:
                if reason := add(article):
                    counts.left_out[reason] += 1
                else:
                    counts.rows += 1
                    if facts:
                        facts.add(article)
        if not counts.rows:
            _remove_path(draft)
            _remove_path(final)
            _remove_empty_folders(final.parent, self.manifest.folder)
            return None
        _move_into_place(draft, final)
        return final

    def _final_path(self, partition: Partition) -> Path:
        folder = self.manifest.folder / self._folder_name(partition)
        return folder / f"{FILE_STEM}{self.format.suffix}" if self.format.suffix else folder


def _move_into_place(draft: Path, final: Path) -> None:
    """Give a draft its final name, replacing what had it."""
    if draft.is_dir():
        old = final.parent / f".{final.name}{OLD}"
        _remove_path(old)
        if final.exists():
            final.rename(old)
        draft.rename(final)
        _remove_path(old)
        fsync_folder(final.parent)
    else:
        durable_rename(draft, final)


def _remove_path(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _remove_empty_folders(folder: Path, top: Path) -> None:
    """Remove a folder and those around it below `top`, as far as nothing is in them."""
    while folder != top and top in folder.parents and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _describe_file(path: Path, folder: Path) -> JsonObject:
    """Name, bytes and SHA-256 of a file; for a folder, the bytes in it."""
    name = path.relative_to(folder).as_posix()
    if path.is_dir():
        return {"name": name, "bytes": sum(file.stat().st_size for file in path.iterdir())}
    return {"name": name, "bytes": path.stat().st_size, "sha256": file_sha256(path)}


@dataclass(kw_only=True)
class SingleFileSink(FolderSink):
    """Concatenates all partitions, which gzip members, zstd frames, lines and WARC records permit."""

    out: Path
    compression: str
    _keys: list[str] = field(default_factory=list)
    "Partitions in the order of the export."

    def open(self) -> None:
        if self.out.is_dir():
            raise NewscrawlError(f"{self.out} is a folder; a single file was asked for")
        try:
            super().open()
        except OtherExport:
            # The folder is hidden, so nobody needs what an export with other options left in it.
            self.abandon()
            shutil.rmtree(self.manifest.folder)
            super().open()

    def find_counts(self, partition: Partition, inputs: str) -> ExportCounts | None:
        self._keys.append(partition.key)
        return super().find_counts(partition, inputs)

    def close(self) -> Path | None:
        """Concatenate the partitions in their order, and remove them."""
        folder = self.manifest.folder
        with atomic_write(self.out) as out:
            if self.format.head:
                with compress_into(out, self.compression) as stream:
                    stream.write(self.format.head)
            for key in self._keys:
                for file in self.manifest.units[key]["files"]:
                    with (folder / file["name"]).open("rb") as part:
                        shutil.copyfileobj(part, out, 1 << 20)
        super().close()
        shutil.rmtree(folder)
        return self.out


@dataclass(kw_only=True)
class RemoteSink(FolderSink):
    """Uploads each partition once it is complete; the folder is for the partition at work."""

    storage: Storage
    _written: int = 0

    def open(self) -> None:
        """Continue from the manifest in the storage, if there is any."""
        folder = self.manifest.folder
        folder.mkdir(parents=True, exist_ok=True)
        if (manifest := self.storage.read(NAME)) is not None:
            (folder / NAME).write_bytes(manifest)
        super().open()

    def write(
        self, partition: Partition, inputs: str, articles: Iterable[Article], counts: ExportCounts
    ) -> None:
        super().write(partition, inputs, articles, counts)
        self._written += 1
        if self._written % PARTITIONS_PER_UPLOAD == 0:
            self._upload(self.manifest.save(), NAME)

    def close(self) -> Path | None:
        if self.has_card and (former := self.storage.read(CARD_NAME)) is not None:
            (self.manifest.folder / CARD_NAME).write_bytes(former)
        super().close()
        self._upload(self.manifest.folder / NAME, NAME)
        if self.has_card:
            self._upload(self.manifest.folder / CARD_NAME, CARD_NAME)
        shutil.rmtree(self.manifest.folder, ignore_errors=True)
        return None

    def abandon(self) -> None:
        """Upload the manifest if the storage can be reached; the caller reports what ended the export."""
        with suppress(NewscrawlError, OSError):
            if self._written:
                self._upload(self.manifest.save(), NAME)
        super().abandon()
        shutil.rmtree(self.manifest.folder, ignore_errors=True)

    def _deliver(self, partition: Partition, path: Path | None) -> None:
        """Upload a partition, or remove it if nothing of it is exported any more."""
        name = self._folder_name(partition)
        if path is None or path.is_dir():
            self.storage.remove(name)
        if path is None:
            return
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            self._upload(file, f"{name}/{file.name}")
        shutil.rmtree(self.manifest.folder / name)

    def _upload(self, file: Path, name: str) -> None:
        with file.open("rb") as source:
            self.storage.put(name, source)


def sink_for(
    out: str,
    format_: str,
    *,
    shape: str | None,
    compression: str | None,
    selection: Selection,
    staging: Path,
    bom: bool = False,
) -> Sink:
    """The sink for these options; NewscrawlError if they do not go together.

    `staging`: a folder that a sink with uploads may create, and then removes.
    """
    options: JsonObject = {"format": format_, "as": shape, "compress": compression, "bom": bom}
    options |= {"selection": selection.as_dict()}
    if format_ == "sqlite":
        return _sqlite_sink(out, shape, compression, options)
    single = out.endswith(SINGLE_FILE_SUFFIXES.get(format_, ()))
    used_compression = compression or (guess_compression(out) if single and format_ != "wet" else "none")
    file_format = choose_format(format_, shape=shape, compression=used_compression, single=single, bom=bom)
    if single and not out.endswith(file_format.suffix):
        raise NewscrawlError(
            f"--compress {used_compression} gives a file that ends with {file_format.suffix}, unlike "
            f"{hide_credentials(out)}"
        )
    has_card = shape == "huggingface" and not single
    if is_remote(out):
        if single:
            name = hide_credentials(out)
            raise NewscrawlError(f"{name}: a single file is written on this machine; a URL names a folder")
        manifest = Manifest(folder=staging, options=options, has_local_files=False)
        storage = Storage.open(out)
        return RemoteSink(format=file_format, manifest=manifest, storage=storage, has_card=has_card)
    path = local_path(out)
    if not single:
        manifest = Manifest(folder=path, options=options)
        return FolderSink(format=file_format, manifest=manifest, has_card=has_card)
    # Partitions stay in a hidden folder until the file is complete.
    manifest = Manifest(folder=path.parent / f".{path.name}.export", options=options)
    return SingleFileSink(format=file_format, manifest=manifest, out=path, compression=used_compression)


def _sqlite_sink(out: str, shape: str | None, compression: str | None, options: JsonObject) -> Sink:
    if shape or compression:
        raise NewscrawlError("--as and --compress do not go with --format sqlite")
    if is_remote(out):
        raise NewscrawlError(f"{hide_credentials(out)}: --format sqlite writes a file on this machine")
    return SqliteSink(out=local_path(out), options=options)
