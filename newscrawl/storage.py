"""Where files are kept for others: a folder or an object store through fsspec, each file whole or absent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Self

import fsspec
from fsspec.core import url_to_fs

from newscrawl.errors import StorageError

BLOCK_BYTES = 1 << 20
_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gcs", "gcs": "gcs"}
"Which extra brings what a protocol needs."
_OBJECT_STORES = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "az", "memory"})
DRAFT = ".part"
"Ending of a file that is being written, where files are seen while they grow."


class Storage:
    """A place with files below it; StorageError names the file that cannot be read or written."""

    def __init__(self, filesystem: Any, root: str, url: str) -> None:
        self._files = filesystem
        self._root = root.rstrip("/")
        self.url = url

    @classmethod
    def open(cls, url: str) -> Self:
        """The place of this URL (`s3://bucket/folder`, `gs://…`, `file:///…`) or path; nothing is written."""
        try:
            # One of its own: fsspec hands out old ones, whatever the environment says by now.
            filesystem, root = url_to_fs(url, skip_instance_cache=True)
        except ImportError as error:
            extra = _EXTRAS.get(fsspec.core.split_protocol(url)[0] or "")
            hint = f": pip install 'newscrawl[{extra}]'" if extra else f": {error}"
            raise StorageError(f"{url}: its protocol needs a package that is not installed{hint}") from error
        except (ValueError, OSError) as error:
            raise StorageError(f"{url}: {error}") from error
        return cls(filesystem, root, url)

    def size(self, name: str) -> int | None:
        """Bytes of a file, None where there is none."""
        with self._named(name):
            self._files.invalidate_cache()
            try:
                return int(self._files.size(self._path(name)))
            except FileNotFoundError:
                return None

    def read(self, name: str) -> bytes | None:
        """A small file as a whole, None where there is none."""
        with self._named(name):
            try:
                return bytes(self._files.cat_file(self._path(name)))
            except FileNotFoundError:
                return None

    def digest(self, name: str) -> str:
        """Hex SHA-256 of what is there, read block by block."""
        with self._named(name), self._files.open(self._path(name), "rb") as stream:
            return digest_of(stream)

    def put(self, name: str, source: BinaryIO) -> str:
        """Write a file; it has its name only once it is whole. Gives the hex SHA-256 of what was written."""
        path = self._path(name)
        with self._named(name):
            if self._is_object_store:
                # No folder is made there: a bucket that does not exist would be.
                return self._put_object(path, source)
            self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            draft = f"{path}{DRAFT}"
            with self._files.open(draft, "wb") as target:
                digest = _copied(source, target)
            self._files.mv(draft, path)
            return digest

    def remove(self, name: str) -> None:
        """Take a file, or a folder with all that is in it, away; nothing when there is none."""
        with self._named(name), suppress(FileNotFoundError):
            self._files.rm(self._path(name), recursive=True)

    def _put_object(self, path: str, source: BinaryIO) -> str:
        """An object is there once its upload is complete; one that was begun is given up on errors."""
        target = self._files.open(path, "wb", autocommit=False)
        try:
            digest = _copied(source, target)
            target.close()
        except BaseException:
            target.discard()
            raise
        target.commit()
        return digest

    @property
    def _is_object_store(self) -> bool:
        named = self._files.protocol
        return not _OBJECT_STORES.isdisjoint({named} if isinstance(named, str) else named)

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    @contextmanager
    def _named(self, name: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(f"{self.url}/{name}: {error.strerror or error}") from error
        except Exception as error:
            # Each client library has errors of its own: credentials, buckets, connections.
            raise StorageError(f"{self.url}/{name}: {type(error).__name__}: {error}") from error


def digest_of(stream: BinaryIO) -> str:
    """Hex SHA-256 of the rest of a stream."""
    digest = hashlib.sha256()
    while block := stream.read(BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()


def _copied(source: BinaryIO, target: BinaryIO) -> str:
    """Copy the rest of a stream; gives its hex SHA-256."""
    digest = hashlib.sha256()
    while block := source.read(BLOCK_BYTES):
        digest.update(block)
        target.write(block)
    return digest.hexdigest()


def is_remote(url: str) -> bool:
    """Whether it is a URL of somewhere else, not a path of this machine."""
    protocol, _ = fsspec.core.split_protocol(url)
    return protocol not in (None, "file", "local")


def local_path(url: str) -> Path:
    """The path that a local URL or path names."""
    return Path(str(fsspec.core.strip_protocol(url)))
