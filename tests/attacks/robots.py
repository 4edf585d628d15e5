"""robots.txt files that attack, each of a site of its own, with what becomes of the site's one story."""

from __future__ import annotations

import gzip
from itertools import chain, repeat

from attacks.pages import BOMB, fixed, in_drops, leads_to, page
from attacks.server import Attack
from wire.archived import story

PATH = "/robots.txt"
TEXT = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n"
ENDS = ("article", "robots_txt", "robots_unreachable")
"Whether the story may be fetched is for robots.txt to say; that it is settled is what counts here."
_STARS = b"User-agent: *\n" + (b"Disallow: /" + b"*a" * 100 + b"b\n") * 2500
ROBOTS = [
    Attack(
        PATH, "rules without end", ENDS, lambda _: chain([TEXT + b"\r\n"], repeat(b"Disallow: /x\n" * 4096))
    ),
    fixed(PATH, "stars upon stars", ENDS, page(_STARS, head=TEXT)),
    fixed(PATH, "a gzip bomb", ENDS, page(gzip.compress(BOMB), b"Content-Encoding: gzip\r\n", TEXT)),
    fixed(PATH, "bytes of all kinds", ENDS, page(bytes(range(256)) * 4000, head=TEXT)),
    fixed(PATH, "one long line", ENDS, page(b"User-agent: " + b"a" * 3_000_000, head=TEXT)),
    in_drops(PATH, "rules in drops", TEXT + b"\r\n", b"Disallow: /x\n"),
    leads_to(PATH, "a redirect inside", "", "http://127.0.0.1:{forbidden}/robots.txt"),
    leads_to(PATH, "a redirect to a file", "", "file:///etc/passwd"),
    leads_to(PATH, "a redirect loop", "", "/robots.txt"),
]
STORIES = [page(story(f"island {number}")) for number in range(len(ROBOTS))]
