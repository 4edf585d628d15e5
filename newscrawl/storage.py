"""Durable files: written whole or not at all, locally or in an object store through fsspec."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO, Self
from urllib.parse import unquote

from newscrawl.errors import ArchiveError, StorageError

BLOCK_BYTES = 1 << 20
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}
"The optional dependency that provides the filesystem of a protocol."
_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "az", "memory"})
FETCH_SUFFIX = ".fetching"
"Marks a copy of a stored file that is incomplete."
DRAFT_SUFFIX = ".part"
"Marks an incomplete upload on file systems that show files while they grow."
_CREDENTIALS = re.compile(r"(?<=://)(?:([^\s/@:]*):(?!\d{1,5}(?:[/\s]|$))(\S*)|[^\s/]*)@")
"User and password of a URL within a text; a password may hold `/` and `@`, and a number may be a port."
_QUERY = re.compile(r"(?<=\?)[^\s#]+")
_SECRET_MIN_CHARS = 4
"Shorter values are not looked for in messages, in which they would be found everywhere."
MAX_VECTOR = 512
"Buffers passed to a single writev(2); every system accepts as many."
BUCKET_MARKER = ".bucket"
"File of a spool that names the bucket of which it is a working copy."
SINGLE_BYTES = 4 << 20
"Smaller objects are sent in a single request."
FETCH_BYTES = 64 << 20
"A larger file of a bucket is not fetched to be read: only the parts that are read are requested."
_S3 = frozenset({"s3", "s3a"})
_S3_CONFIG = {"connect_timeout": 10, "read_timeout": 60, "retries": {"max_attempts": 1}}
"Of botocore, whose own limits keep a crawl waiting for minutes; s3fs repeats a request five times as well."


class Storage:
    """A folder or bucket; StorageError names the file that cannot be read or written."""

    def __init__(self, filesystem: Any, root: str, url: str) -> None:
        self._files = filesystem
        self._root = root.rstrip("/")
        self._secrets = find_secrets(url)
        self.url = hide_credentials(url)
        "For messages: without user, password and query."

    @classmethod
    def open(cls, url: str) -> Self:
        """Open a URL (`s3://bucket/folder`, `gs://…`, `file:///…`) or a path; this writes nothing."""
        from fsspec.core import url_to_fs

        try:
            # A cached instance would ignore credentials that have changed in the environment.
            filesystem, root = url_to_fs(url, skip_instance_cache=True, **_client_options(url))
        except ImportError as error:
            extra = _EXTRAS.get(_find_protocol(url) or "")
            hint = f": pip install 'newscrawl[{extra}]'" if extra else f": {error}"
            hint = _hide_secrets(hint, find_secrets(url))
            name = hide_credentials(url)
            raise StorageError(f"{name}: its protocol needs a package that is not installed{hint}") from error
        except Exception as error:
            # Each protocol reads its URLs in its own way, and some connect at once.
            text = _hide_secrets(str(error), find_secrets(url))
            raise StorageError(f"{hide_credentials(url)}: {text or type(error).__name__}") from error
        return cls(filesystem, root, url)

    def size(self, name: str) -> int | None:
        """Size of a file in bytes; None if it does not exist."""
        with self._storage_errors(name):
            self._files.invalidate_cache()
            try:
                return int(self._files.size(self._path(name)))
            except FileNotFoundError:
                return None

    def read(self, name: str) -> bytes | None:
        """Content of a small file; None if it does not exist."""
        with self._storage_errors(name):
            try:
                return bytes(self._files.cat_file(self._path(name)))
            except FileNotFoundError:
                return None

    def digest(self, name: str, size: int = SINGLE_BYTES) -> str:
        """Hex SHA-256 of the stored file; one known to be small is read with a single request."""
        if size < SINGLE_BYTES:
            return hashlib.sha256(self.read(name) or b"").hexdigest()
        with self._storage_errors(name), self._files.open(self._path(name), "rb") as stream:
            return hash_stream(stream)

    def put(self, name: str, source: BinaryIO) -> str:
        """Write a file, which gets its name only when complete; return its hex SHA-256."""
        path = self._path(name)
        with self._storage_errors(name):
            if self._is_object_store:
                # Create no folder here: that would create a missing bucket.
                return self._put_object(path, source)
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            draft = f"{path}{DRAFT_SUFFIX}"
            with self._files.open(draft, "wb") as target:
                digest = _copy_and_hash(source, target)
            self._files.mv(draft, path)
            return digest

    def list_folders(self) -> list[str]:
        """Names of the folders, sorted."""
        with self._storage_errors(""):
            return sorted(name for name, entry in self._list("") if entry["type"] == "directory")

    def list_sizes(self, folder: str) -> dict[str, int]:
        """Sizes in bytes of the files of a folder, by name; empty if it does not exist."""
        with self._storage_errors(folder):
            return {
                name: int(entry["size"] or 0)
                for name, entry in self._list(folder)
                if entry["type"] == "file" and not name.endswith(DRAFT_SUFFIX)
            }

    def _list(self, folder: str) -> list[tuple[str, dict[str, Any]]]:
        self._files.invalidate_cache()
        try:
            entries = self._files.ls(self._path(folder).rstrip("/"), detail=True)
        except FileNotFoundError:
            return []
        named = ((entry["name"].rstrip("/").rpartition("/")[2], entry) for entry in entries)
        return [(name, entry) for name, entry in named if name]

    def fetch(self, name: str, target: Path) -> str:
        """Copy a stored file to a local path, whole or not at all; return its hex SHA-256.

        StorageError if it is not there.
        """
        with (
            self._storage_errors(name),
            self._files.open(self._path(name), "rb") as source,
            atomic_write(target, f".{os.getpid()}{FETCH_SUFFIX}") as out,
        ):
            return _copy_and_hash(source, out)

    def open_stream(self, name: str) -> BinaryIO:
        """A stored file of which only the parts that are read are requested."""
        with self._storage_errors(name):
            stream: BinaryIO = self._files.open(
                self._path(name), "rb", block_size=BLOCK_BYTES, cache_type="readahead"
            )
            return stream

    def remove(self, name: str) -> None:
        """Delete a file or a whole folder; do nothing if it does not exist."""
        with self._storage_errors(name), suppress(FileNotFoundError):
            self._files.rm(self._path(name), recursive=True)

    def _put_object(self, path: str, source: BinaryIO) -> str:
        """Upload an object; an error discards the upload, so that no partial object appears."""
        start = source.read(SINGLE_BYTES)
        if len(start) < SINGLE_BYTES:
            # One request instead of three, and as whole as it was sent, or not there.
            self._files.pipe_file(path, start)
            return hashlib.sha256(start).hexdigest()
        target = self._files.open(path, "wb", autocommit=False)
        try:
            digest = _copy_and_hash(source, target, start)
            target.close()
        except BaseException:
            target.discard()
            raise
        target.commit()
        return digest

    @property
    def _is_object_store(self) -> bool:
        protocol = self._files.protocol
        return not _OBJECT_STORES.isdisjoint({protocol} if isinstance(protocol, str) else protocol)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    @contextmanager
    def _storage_errors(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            text = _hide_secrets(error.strerror or str(error), self._secrets)
            raise StorageError(f"{self.url}/{name}: {text}") from error
        except Exception as error:
            # Each client library raises its own errors for credentials, buckets and connections.
            text = _hide_secrets(str(error), self._secrets)
            raise StorageError(f"{self.url}/{name}: {type(error).__name__}: {text}") from error


def _client_options(url: str) -> dict[str, Any]:
    """Options of the client that fsspec's own configuration does not name."""
    from fsspec.config import conf

    is_free = "config_kwargs" not in conf.get("s3", {})
    return {"config_kwargs": _S3_CONFIG} if _find_protocol(url) in _S3 and is_free else {}


def load_filesystem(url: str) -> None:
    """Import what a URL needs, so that forks have it; without it, opening the URL says what is missing."""
    from fsspec import get_filesystem_class

    with suppress(ImportError, ValueError):
        get_filesystem_class(_find_protocol(url))


def read_bucket_url(archives: Path) -> str | None:
    """The URL of the bucket of which a folder is the working copy; None for an archive of its own."""
    try:
        return (archives / BUCKET_MARKER).read_text(encoding="utf-8").strip() or None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ArchiveError(f"cannot read {archives / BUCKET_MARKER}: {error.strerror}") from error


def find_bucket(archives: Path) -> Storage | None:
    """The bucket of which a folder is the working copy; a process opens it once."""
    url = read_bucket_url(archives)
    return _open_bucket(url, os.getpid()) if url else None


@lru_cache(maxsize=4)
def _open_bucket(url: str, _: int) -> Storage:
    """A client takes long to make, and a fork cannot use that of its parent."""
    return Storage.open(url)


def list_stored_sizes(folder: Path) -> dict[str, int]:
    """Sizes by name of what the bucket has of an outlet's folder in a spool; empty for other folders.

    ArchiveError if the bucket cannot be read.
    """
    storage = find_bucket(folder.parent)
    try:
        return storage.list_sizes(folder.name) if storage else {}
    except StorageError as error:
        raise ArchiveError(str(error)) from error


def open_stored(path: Path) -> BinaryIO:
    """Open a file of an outlet's folder; one that the spool lacks comes from its bucket.

    Raises OSError, FileNotFoundError if neither has it, and ArchiveError if the bucket cannot be read.
    """
    try:
        return path.open("rb")
    except FileNotFoundError:
        storage = find_bucket(path.parent.parent)
        if storage is None:
            raise
        name = f"{path.parent.name}/{path.name}"
        try:
            size = storage.size(name)
            if size is None:
                raise
            if size > FETCH_BYTES:
                return storage.open_stream(name)
            storage.fetch(name, path)
        except StorageError as error:
            raise ArchiveError(str(error)) from error
    return path.open("rb")


def hash_stream(stream: BinaryIO) -> str:
    """Hex SHA-256 of the rest of a stream."""
    digest = hashlib.sha256()
    while block := stream.read(BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()


def _copy_and_hash(source: BinaryIO, target: BinaryIO, start: bytes = b"") -> str:
    """Copy what was read already and the rest of a stream; return the hex SHA-256 of both."""
    digest = hashlib.sha256(start)
    target.write(start)
    while block := source.read(BLOCK_BYTES):
        digest.update(block)
        target.write(block)
    return digest.hexdigest()


def hide_credentials(url: str) -> str:
    """A URL for messages: without what is before `@`, and without a query, which may be a signature."""
    bare = _CREDENTIALS.sub("***@", url)
    return _QUERY.sub("***", bare) if "://" in bare else bare


def find_secrets(url: str) -> frozenset[str]:
    """What of a URL no message may hold: its password, the values of its query, as they are and decoded."""
    match, query = _CREDENTIALS.search(url), _QUERY.search(url)
    texts = [match[2] or match[0].rstrip("@")] if match else []
    texts += [pair.partition("=")[2] for pair in query[0].split("&")] if query and "://" in url else []
    return frozenset(
        form for text in texts for form in (text, unquote(text)) if len(form) >= _SECRET_MIN_CHARS
    )


def _hide_secrets(text: str, secrets: frozenset[str]) -> str:
    """An error of a library, which may quote what it was given, on a single line."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return _CREDENTIALS.sub("***@", " ".join(text.split()))


def is_remote(url: str) -> bool:
    """Whether a URL leads to another machine, rather than being a local path."""
    return _find_protocol(url) not in (None, "file", "local")


def local_path(url: str) -> Path:
    """The path of a local URL or path."""
    from fsspec.core import strip_protocol

    return Path(str(strip_protocol(url)))


def _find_protocol(url: str) -> str | None:
    """The protocol of a URL; None for a path. Only those who use buckets load fsspec."""
    from fsspec.core import split_protocol

    protocol: str | None = split_protocol(url)[0]
    return protocol


@contextmanager
def atomic_write(path: Path, draft_suffix: str = ".tmp") -> Iterator[BinaryIO]:
    """Open a binary stream that becomes `path` when the block succeeds; otherwise leave no trace.

    The file and its folder entry are flushed to disk (fsync). Processes that may write the same path at the
    same time need different draft suffixes. Raises ArchiveError if the file cannot be written.
    """
    draft = Path(f"{path}{draft_suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("w+b") as stream:
            yield stream
        durable_rename(draft, path)
    except OSError as error:
        raise ArchiveError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def durable_rename(source: Path, target: Path) -> None:
    """Give a complete file its final name so that both survive a power failure. Raises OSError."""
    with source.open("rb") as stream:
        os.fsync(stream.fileno())
    source.rename(target)
    fsync_folder(target.parent)


def fsync_folder(folder: Path) -> None:
    """Make renames in a folder durable. Raises OSError."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def append_or_rollback(fd: int, pieces: Sequence[bytes | memoryview], size: int) -> int:
    """Append all pieces to a file of `size` bytes and return their length; on OSError restore the file."""
    written = 0
    try:
        for start in range(0, len(pieces), MAX_VECTOR):
            batch = pieces[start : start + MAX_VECTOR]
            length = sum(map(len, batch))
            done = os.writev(fd, batch)
            if done < length:
                rest = memoryview(b"".join(batch))[done:]
                while rest:
                    rest = rest[os.write(fd, rest) :]
            written += length
    except OSError:
        os.ftruncate(fd, size)
        raise
    return written


def try_lock(fd: int) -> bool:
    """Lock a file until its descriptor is closed; False if another process holds the lock."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # On a file system without locks, file names and process ids have to suffice.
        return True
    return True
