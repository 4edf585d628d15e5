"""The sink for a place and a form: a folder, one file, a database, or a URL."""

from __future__ import annotations

from pathlib import Path

from newscrawl.errors import NewscrawlError
from newscrawl.export.folder import FolderSink
from newscrawl.export.formats import format_named
from newscrawl.export.joined import JoinedSink, working_folder
from newscrawl.export.manifest import Manifest, Note
from newscrawl.export.packing import ENDINGS, packing_of
from newscrawl.export.remote import remote_sink
from newscrawl.export.run import Sink
from newscrawl.export.selection import Selection
from newscrawl.export.sqlite_file import SqliteSink
from newscrawl.storage import is_remote, local_path

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
