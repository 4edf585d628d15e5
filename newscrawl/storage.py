"""Durable files: written whole or not at all, locally or in an object store through fsspec."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Self
from urllib.parse import unquote

import fsspec
from fsspec.core import url_to_fs

from newscrawl.errors import ArchiveError, StorageError

BLOCK_BYTES = 1 << 20
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}
"The optional dependency that provides the filesystem of a protocol."
_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "az", "memory"})
DRAFT_SUFFIX = ".part"
"Marks an incomplete upload on file systems that show files while they grow."
_CREDENTIALS = re.compile(r"(?<=://)(?:([^\s/@:]*):(?!\d{1,5}(?:[/\s]|$))(\S*)|[^\s/]*)@")
"User and password of a URL within a text; a password may hold `/` and `@`, and a number may be a port."
_QUERY = re.compile(r"(?<=\?)[^\s#]+")
_SECRET_MIN_CHARS = 4
"Shorter values are not looked for in messages, in which they would be found everywhere."
MAX_VECTOR = 512
"Buffers passed to a single writev(2); every system accepts as many."


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
        try:
            # A cached instance would ignore credentials that have changed in the environment.
            filesystem, root = url_to_fs(url, skip_instance_cache=True)
        except ImportError as error:
            extra = _EXTRAS.get(fsspec.core.split_protocol(url)[0] or "")
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

    def digest(self, name: str) -> str:
        """Hex SHA-256 of the stored file."""
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

    def remove(self, name: str) -> None:
        """Delete a file or a whole folder; do nothing if it does not exist."""
        with self._storage_errors(name), suppress(FileNotFoundError):
            self._files.rm(self._path(name), recursive=True)

    def _put_object(self, path: str, source: BinaryIO) -> str:
        """Upload an object; an error discards the upload, so that no partial object appears."""
        target = self._files.open(path, "wb", autocommit=False)
        try:
            digest = _copy_and_hash(source, target)
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


def hash_stream(stream: BinaryIO) -> str:
    """Hex SHA-256 of the rest of a stream."""
    digest = hashlib.sha256()
    while block := stream.read(BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()


def _copy_and_hash(source: BinaryIO, target: BinaryIO) -> str:
    """Copy the rest of a stream; return its hex SHA-256."""
    digest = hashlib.sha256()
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
    protocol, _ = fsspec.core.split_protocol(url)
    return protocol not in (None, "file", "local")


def local_path(url: str) -> Path:
    """The path of a local URL or path."""
    return Path(str(fsspec.core.strip_protocol(url)))


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
