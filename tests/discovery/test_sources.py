"""What is read while all downloads wait is quick whatever it holds; anything else is read elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from newscrawl.discovery.sources import (
    QUICK_BYTES,
    SourceKind,
    is_quick_to_read,
    is_worth_rereading,
    read_source,
)
from newscrawl.outlet import Outlet

OUTLET = Outlet(
    id="paper",
    title="Paper",
    home="https://example.org/",
    country="CM",
    languages=["fr"],
    timezone="Africa/Douala",
    kind="national",
)
URL = "https://example.org/list"
LONGEST_READ = 0.3
"Seconds of processor time."
Piece = Callable[[int], str]
ENTRIES = ("<rss><channel>", "</channel></rss>")
CONTENT = (
    "<rss><channel><item><link>/1</link><description><![CDATA[",
    "]]></description></item></channel></rss>",
)
ATTACKS: dict[str, tuple[SourceKind, str, Piece, str]] = {
    "attributes of an entry": (
        "feed",
        "<rss><channel><item",
        lambda n: f" a{n}=''",
        "><link>/1</link></item></channel></rss>",
    ),
    "namespaces of the root": ("feed", "<rss", lambda n: f" xmlns:a{n}='u'", "><channel/></rss>"),
    "entries": ("feed", ENTRIES[0], lambda n: f"<item><link>/{n}</link></item>", ENTRIES[1]),
    "broken entries": ("feed", ENTRIES[0], lambda n: f"<item><link>/{n}</link></b></item>", ENTRIES[1]),
    "elements in each other": ("feed", ENTRIES[0], lambda _: "<a>", ENTRIES[1]),
    "paragraphs": ("feed", CONTENT[0], lambda _: "<p>w</p>", CONTENT[1]),
    "words": ("feed", CONTENT[0], lambda n: f"word{n} ", CONTENT[1]),
    "ampersands": ("feed", ENTRIES[0], lambda _: "&", ENTRIES[1]),
    "letters encoded twice": ("feed", ENTRIES[0], lambda _: "\u00c3\u00a9", ENTRIES[1]),
    "attributes of a link": ("section", "<a href=/1", lambda n: f" a{n}=''", ">x</a>"),
    "attributes without values": ("section", "<a href=/1", lambda n: f" a{n}", ">x</a>"),
    "attributes apart by slashes": ("section", "<a href=/1", lambda n: f"/a{n}", ">x</a>"),
    "attributes behind an angle": ("section", "<a href=/1 b='>'", lambda n: f" a{n}", ">x</a>"),
    "five hundred attributes, often": (
        "section",
        "<html>",
        lambda n: f"<a{''.join(f' a{k}' for k in range(490))}>",
        "</html>",
    ),
    "links": ("section", "<html>", lambda n: f"<a href=/{n}>", "</html>"),
    "pages": ("sitemap", "<urlset>", lambda n: f"<url><loc>/{n}</loc></url>", "</urlset>"),
    "lines": ("sitemap", "", lambda n: f"https://example.org/{n}\n", ""),
    "items": ("feed", '{"items":[', lambda n: f'{{"url":"/{n}"}},', "{}]}"),
    "items with markup": ("feed", '{"items":[', lambda n: f'{{"url":"/{n}","title":"<b>&"}},', "{}]}"),
    "posts": ("wp_api", "[", lambda n: f'{{"link":"/{n}","title":{{"rendered":"<b>"}}}},', "{}]"),
    "lists in each other": ("wp_api", "[", lambda _: "[", "]"),
}


def fill(size: int, head: str, piece: Piece, tail: str) -> bytes:
    """A body of at most so many bytes, out of as many pieces as fit."""
    parts, left, number = [head], size - len(head) - len(tail), 0
    while (left := left - len(piece(number).encode())) >= 0:
        parts.append(piece(number))
        number += 1
    return "".join([*parts, tail]).encode()


def largest_quick_body(head: str, piece: Piece, tail: str) -> bytes:
    """The largest body of its kind that would be read while others wait."""
    least, most = 0, QUICK_BYTES
    while least < most - 64:
        middle = (least + most) // 2
        if is_quick_to_read(fill(middle, head, piece, tail)):
            least = middle
        else:
            most = middle
    return fill(least, head, piece, tail)


@pytest.mark.parametrize(("kind", "head", "piece", "tail"), ATTACKS.values(), ids=ATTACKS)
def test_whatever_is_read_while_others_wait_is_quick(
    kind: SourceKind, head: str, piece: Piece, tail: str
) -> None:
    body = fill(QUICK_BYTES, head, piece, tail)
    if not is_quick_to_read(body):
        body = largest_quick_body(head, piece, tail)
    took = []
    for _ in range(3):  # the quickest: another process on the same core slows each of them by chance
        began = time.process_time()
        read_source(kind, body, URL, "", OUTLET)
        took.append(time.process_time() - began)
    assert min(took) < LONGEST_READ


def test_whether_a_source_is_quick_is_known_quickly() -> None:
    for piece in (b"<a b=", b"a ", b"\n", b"<", b"="):
        began = time.process_time()
        is_quick_to_read(piece * (QUICK_BYTES // len(piece)))
        assert time.process_time() - began < LONGEST_READ


@pytest.mark.parametrize("stories", [10, 50])
def test_an_ordinary_feed_is_quick(stories: int) -> None:
    story = f"<p>{'A sentence of a story. ' * 20}<a href='https://example.org/a?b=1'>on</a></p>" * 4
    entry = (
        f"<item><title>A story</title><link>/1</link><description><![CDATA[{story}]]></description></item>"
    )
    assert is_quick_to_read((ENTRIES[0] + entry * stories + ENTRIES[1]).encode())


@pytest.mark.parametrize("body", [b"\x1f\x8b" + b"\0" * 20, b"x" * (QUICK_BYTES + 1)])
def test_gzip_and_what_is_large_are_never_quick(body: bytes) -> None:
    assert not is_quick_to_read(body)


ESCAPED = (
    '<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><entry><link href="/1"/>'
    '<content type="html">',
    "</content></entry></feed>",
)


@pytest.mark.parametrize("opening", [ESCAPED[0], ESCAPED[0] + "<![CDATA["])
def test_long_stories_whose_markup_is_escaped_are_worth_rereading(opening: str) -> None:
    story = '&lt;p class="a"&gt;Some words of a story.&lt;/p&gt; ' * 2_000
    body = f"{opening}{story}{']]>' if opening.endswith('[') else ''}{ESCAPED[1]}".encode()
    assert is_worth_rereading(body)


@pytest.mark.parametrize(
    "opening",
    [
        "<category",
        "<category b='<c d=\"e\">'",
        "<category b='<z/><c d=\"e\">'",
        "<category b='<![CDATA['",
        "<!a <b>",
    ],
)
def test_a_tag_of_many_attributes_is_not_worth_rereading(opening: str) -> None:
    many = " ".join(f"a{n}='1'" for n in range(5_000))
    body = f"<rss><channel><item>{opening} {many}>x</category></item></channel></rss>".encode()
    assert not is_worth_rereading(body)
