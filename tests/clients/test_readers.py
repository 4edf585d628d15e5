"""One archive of a hostile site, read by everybody: the same bytes; only the site's own lies are wrong."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator as FastIterator
from warcio.archiveiterator import ArchiveIterator
from wire.crawl import Crawl, crawl_urls
from wire.programs import program
from wire.server import ANSWERS, WireServer, serving

from newscrawl.warc.reader import iter_records
from newscrawl.warc.verify import verify_warcs

pytestmark = pytest.mark.crawl

PAGES = [path for path in ANSWERS if path != "/robots.txt"]
# Answers that GNU Wget 1.21 keeps as they came; it unfolds folded lines and cuts the end off after a trailer.
FOR_WGET = ["/plain", "/in-pieces", "/reason", "/gzip", "/chunked", "/http10", "/404"]
OPTIONS = ["-q", "--tries=1", "--max-redirect=0", "-e", "robots=off", "--header=Accept-Encoding: gzip"]
SLOWEST = {"RETRY_ENABLED": 0, "DOWNLOAD_TIMEOUT": 3, "REDIRECT_MAX_TIMES": 2}


@pytest.fixture(scope="module")
def crawled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Crawl, WireServer]]:
    with serving(WireServer()) as server:
        urls = [f"http://127.0.0.1:{server.port}{path}" for path in PAGES]
        done = crawl_urls(urls, tmp_path_factory.mktemp("archives"), **SLOWEST)
        yield done, server


def blocks(path: Path) -> list[bytes]:
    with path.open("rb") as stream:
        return [record.block for record in iter_records(stream)]


def test_warcio_and_fastwarc_read_the_blocks_we_read(crawled: tuple[Crawl, WireServer]) -> None:
    for path in crawled[0].warcs:
        with path.open("rb") as stream:
            by_warcio = [r.raw_stream.read() for r in ArchiveIterator(stream, no_record_parse=True)]
        with path.open("rb") as stream:
            by_fastwarc = [r.reader.read() for r in FastIterator(stream, parse_http=False)]
        assert blocks(path) == by_warcio == by_fastwarc
        assert len(by_warcio) > 3 * len(PAGES) - 20


def test_gzip_and_sha256sum_find_nothing_wrong(crawled: tuple[Crawl, WireServer]) -> None:
    folder = crawled[0].folder
    for path in crawled[0].warcs:
        subprocess.run(["gzip", "-t", path], check=True)
    subprocess.run(["sha256sum", "--quiet", "-c", "MANIFEST.sha256"], cwd=folder, check=True)


def test_our_verifier_names_only_the_answers_that_lie(crawled: tuple[Crawl, WireServer]) -> None:
    uris = {}
    for path in crawled[0].warcs:
        with path.open("rb") as stream:
            uris |= {record.record_id: record.url for record in iter_records(stream)}
    problems = list(verify_warcs(crawled[0].warcs))
    paths = {"/" + uris[problem.record_id].split("/", 3)[3] for problem in problems if problem.record_id}
    assert all(problem.code.startswith("http_") for problem in problems), problems
    assert {"/bad-gzip"} <= paths <= {"/bad-gzip", "/bad-chunk"}


def test_gnu_wget_has_the_same_block_digests(crawled: tuple[Crawl, WireServer], tmp_path: Path) -> None:
    wget, server = program("wget"), crawled[1]
    listed = tmp_path / "urls.txt"
    listed.write_text("\n".join(f"http://127.0.0.1:{server.port}{path}" for path in FOR_WGET))
    command = [
        wget,
        "-q",
        "--tries=1",
        "--max-redirect=0",
        "-e",
        "robots=off",
        "--header=Accept-Encoding: gzip",
    ]
    subprocess.run(
        [*command, "--warc-file=theirs", "-O", "/dev/null", "-i", listed], cwd=tmp_path, check=False
    )
    theirs = digests(tmp_path / "theirs.warc.gz")
    ours = {path: digest for warc in crawled[0].warcs for path, digest in digests(warc).items()}
    assert set(FOR_WGET) <= set(theirs)
    assert {path: ours[path] for path in FOR_WGET} == {path: theirs[path] for path in FOR_WGET}


def digests(path: Path) -> dict[str, str]:
    """Path of a URL to the block digest of its response."""
    with path.open("rb") as stream:
        return {
            "/" + record.url.split("/", 3)[3]: record.headers["warc-block-digest"]
            for record in iter_records(stream)
            if record.kind == "response"
        }
