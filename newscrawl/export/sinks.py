"""The sink for a place and a form: a folder, one file, a database, or a URL."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from newscrawl.archive.manifest import sha256_of
from newscrawl.errors import NewscrawlError
from newscrawl.export.formats import Format, format_named
from newscrawl.export.manifest import NAME, Manifest, Note, OtherExport
from newscrawl.export.run import Selection, Sink
from newscrawl.export.scan import Unit
from newscrawl.export.sqlite import SqliteSink
from newscrawl.export.tally import Tally
from newscrawl.export.values import ENDINGS, packing_of, stream_into
from newscrawl.items import Article
from newscrawl.storage import Storage, is_remote, local_path
from newscrawl.warc.writer import sync_folder, written_whole

STEM = "articles"
DRAFT, OLD = ".part", ".old"


def unplaced(unit: Unit, path: Path | None) -> None:
    """For an export that stays where it was made."""


@dataclass(kw_only=True)
class FolderSink:
    """Writes units below `manifest.folder`."""

    format: Format
    manifest: Manifest
    placed: Callable[[Unit, Path | None], None] = unplaced
    "Told what a unit became, before it is noted; None for a unit of which nothing goes out."
    _written: int = field(default=0)

    def open(self) -> None:
        self.manifest.open()

    def finished(self, unit: Unit, inputs: str) -> Tally | None:
        return self.manifest.finished(unit.key, inputs)

    def write(self, unit: Unit, inputs: str, articles: Iterable[Article], tally: Tally) -> None:
        """Write the rows of a unit, give them their final name, and note it."""
        try:
            path = self._placed(unit, articles, tally)
        except OSError as error:
            raise NewscrawlError(f"cannot write {self._final(unit)}: {error.strerror or error}") from error
        files = [_described(path, self.manifest.folder)] if path else []
        tally.bytes, tally.files = sum(file["bytes"] for file in files), len(files)
        self.placed(unit, path)
        self.manifest.note(unit.key, inputs, tally, files)

    def close(self) -> Path | None:
        self.manifest.close()
        return None

    def abandon(self) -> None:
        self.manifest.abandon()

    def _placed(self, unit: Unit, articles: Iterable[Article], tally: Tally) -> Path | None:
        final = self._final(unit)
        draft = final.parent / f".{final.name}{DRAFT}"
        final.parent.mkdir(parents=True, exist_ok=True)
        _remove(draft)
        with self.format.open(draft, unit, tally) as add:
            for article in articles:
                if reason := add(article):
                    tally.left_out[reason] += 1
                else:
                    tally.rows += 1
        if not tally.rows:
            _remove(draft)
            _remove(final)
            return None
        _replace(draft, final)
        return final

    def _final(self, unit: Unit) -> Path:
        folder = self.manifest.folder / unit.key
        return folder / f"{STEM}{self.format.ending}" if self.format.ending else folder


def _replace(draft: Path, final: Path) -> None:
    """Give a draft its final name, in the place of what had it."""
    if draft.is_dir():
        old = final.parent / f".{final.name}{OLD}"
        _remove(old)
        if final.exists():
            final.rename(old)
        draft.rename(final)
        _remove(old)
    else:
        with draft.open("rb") as stream:
            os.fsync(stream.fileno())
        draft.rename(final)
    sync_folder(final.parent)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _described(path: Path, folder: Path) -> Note:
    """Name, bytes and SHA-256 of a file; of a folder how much is in it."""
    name = path.relative_to(folder).as_posix()
    if path.is_dir():
        return {"name": name, "bytes": sum(file.stat().st_size for file in path.iterdir())}
    return {"name": name, "bytes": path.stat().st_size, "sha256": sha256_of(path)}


def working_folder(out: Path) -> Path:
    """Where the parts of `out` are until it is whole."""
    return out.parent / f".{out.name}.export"


@dataclass(kw_only=True)
class JoinedSink:
    """Units to one file; gzip members, zstd frames, lines and records can all stand one behind the other."""

    out: Path
    parts: FolderSink
    packing: str
    _order: list[str] = field(default_factory=list)

    def open(self) -> None:
        if self.out.is_dir():
            raise NewscrawlError(f"{self.out} is a folder; a single file was asked for")
        try:
            self.parts.open()
        except OtherExport:
            # Nobody sees the hidden folder: what an export with other options left there is of no use.
            self.parts.abandon()
            shutil.rmtree(self.parts.manifest.folder)
            self.parts.open()

    def finished(self, unit: Unit, inputs: str) -> Tally | None:
        found = self.parts.finished(unit, inputs)
        if found:
            self._order.append(unit.key)
        return found

    def write(self, unit: Unit, inputs: str, articles: Iterable[Article], tally: Tally) -> None:
        self.parts.write(unit, inputs, articles, tally)
        self._order.append(unit.key)

    def close(self) -> Path | None:
        """Join the parts in the order they were asked for; then they go."""
        manifest = self.parts.manifest
        with written_whole(self.out) as out:
            if self.parts.format.head:
                with stream_into(out, self.packing) as stream:
                    stream.write(self.parts.format.head)
            for key in self._order:
                for file in manifest.units[key]["files"]:
                    with (manifest.folder / file["name"]).open("rb") as part:
                        shutil.copyfileobj(part, out, 1 << 20)
        self.parts.close()
        shutil.rmtree(manifest.folder)
        return self.out

    def abandon(self) -> None:
        self.parts.abandon()


NOTED_EVERY = 20
"Units between two uploads of the manifest: at most so many are made twice after a kill."


@dataclass(kw_only=True)
class RemoteSink:
    """Uploads below a URL; the folder's own place is a folder here for the units in hand."""

    storage: Storage
    folder: FolderSink
    _units: int = 0

    @property
    def staging(self) -> Path:
        return self.folder.manifest.folder

    def open(self) -> None:
        """Take over what the manifest over there tells."""
        self.staging.mkdir(parents=True, exist_ok=True)
        if (known := self.storage.read(NAME)) is not None:
            (self.staging / NAME).write_bytes(known)
        self.folder.open()

    def finished(self, unit: Unit, inputs: str) -> Tally | None:
        return self.folder.finished(unit, inputs)

    def write(self, unit: Unit, inputs: str, articles: Iterable[Article], tally: Tally) -> None:
        self.folder.write(unit, inputs, articles, tally)
        self._units += 1
        if self._units % NOTED_EVERY == 0:
            self._put(self.folder.manifest.save(), NAME)

    def close(self) -> Path | None:
        self.folder.close()
        self._put(self.staging / NAME, NAME)
        shutil.rmtree(self.staging, ignore_errors=True)
        return None

    def abandon(self) -> None:
        """Note over there what is whole, as far as it can be reached; what ended it is told by others."""
        with suppress(NewscrawlError, OSError):
            if self._units:
                self._put(self.folder.manifest.save(), NAME)
        self.folder.abandon()
        shutil.rmtree(self.staging, ignore_errors=True)

    def upload(self, unit: Unit, path: Path | None) -> None:
        """Put a unit in its place, or clear its place when nothing of it goes out."""
        if path is None or path.is_dir():
            self.storage.remove(unit.key)
        if path is None:
            return
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            self._put(file, f"{unit.key}/{file.name}")
        shutil.rmtree(self.staging / unit.key)

    def _put(self, file: Path, name: str) -> None:
        with file.open("rb") as source:
            self.storage.put(name, source)


def remote_sink(url: str, form: Format, options: Note, staging: Path) -> RemoteSink:
    """A sink whose units go to `url` as soon as they are whole."""
    manifest = Manifest(folder=staging, options=options, kept_here=False)
    sink = RemoteSink(storage=Storage.open(url), folder=FolderSink(format=form, manifest=manifest))
    sink.folder.placed = sink.upload
    return sink


_SINGLE = {
    "jsonl": tuple(f".jsonl{ending}" for ending in ENDINGS.values()),
    "csv": tuple(f".csv{ending}" for ending in ENDINGS.values()),
    "wet": (".warc.wet.gz",),
}
"Endings of `--out` that ask for one file."


def sink_for(
    out: str,
    format_: str,
    *,
    shape: str | None,
    packing: str | None,
    selection: Selection,
    staging: Path,
    bom: bool = False,
) -> Sink:
    """The sink; NewscrawlError when what is asked for does not go together.

    `staging` is a folder that may be made for what is uploaded, and goes when it is.
    """
    options: Note = {"format": format_, "as": shape, "compress": packing, "bom": bom}
    options |= {"selection": selection.noted()}
    if format_ == "sqlite":
        return _database(out, shape, packing, options)
    single = out.endswith(_SINGLE.get(format_, ()))
    packs = packing or (packing_of(out) if single and format_ != "wet" else "none")
    form = format_named(format_, shape=shape, packing=packs, single=single, bom=bom)
    if single and not out.endswith(form.ending):
        raise NewscrawlError(f"--compress {packs} gives a file that ends with {form.ending}, unlike {out}")
    if is_remote(out):
        if single:
            raise NewscrawlError(f"{out}: a single file is written on this machine; a URL names a folder")
        return remote_sink(out, form, options, staging)
    path = local_path(out)
    if not single:
        return FolderSink(format=form, manifest=Manifest(folder=path, options=options))
    parts = FolderSink(format=form, manifest=Manifest(folder=working_folder(path), options=options))
    return JoinedSink(out=path, parts=parts, packing=packs)


def _database(out: str, shape: str | None, packing: str | None, options: Note) -> Sink:
    if shape or packing:
        raise NewscrawlError("--as and --compress do not go with --format sqlite")
    if is_remote(out):
        raise NewscrawlError(f"{out}: --format sqlite writes a file on this machine")
    return SqliteSink(out=local_path(out), options=options)
