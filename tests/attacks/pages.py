"""Pages that attack, each with the outcome a crawl must give it."""

from __future__ import annotations

import gzip
from itertools import chain, cycle, repeat

import brotli
from attacks.server import Attack, Pieces, Site
from backports import zstd
from wire.archived import story

MIB = 1 << 20
BOMB = b"\0" * (64 * MIB)
STORY = story("lighthouse")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nConnection: close\r\n"
ANY_END = ("article", "too_short", "no_title", "too_deep", "too_large", "binary", "meta_refresh")
"A page that is only strange: how it ends is its own affair, as long as it ends."
BROKEN = ("too_large", "connection_failed", "cut_short", "download_error", "timeout")


def titled(title: str, body: bytes = STORY) -> bytes:
    """The story under another title."""
    start, end = body.index(b"<title>"), body.index(b"</title>")
    changed = body[: start + 7] + title.encode("utf-8", "surrogatepass") + body[end:]
    h1, h1_end = changed.find(b"<h1>"), changed.find(b"</h1>")
    return (
        changed if h1 < 0 else changed[: h1 + 4] + title.encode("utf-8", "surrogatepass") + changed[h1_end:]
    )


def page(body: bytes, extra: bytes = b"", head: bytes = HEAD) -> bytes:
    return head + extra + b"Content-Length: %d\r\n\r\n" % len(body) + body


def fixed(path: str, does: str, outcome: str | tuple[str, ...], *pieces: bytes | float) -> Attack:
    """An attack whose bytes are always the same."""
    outcomes = (outcome,) if isinstance(outcome, str) else outcome
    return Attack(path, does, outcomes, lambda _: iter(pieces))


def leads_to(path: str, does: str, outcome: str, target: str) -> Attack:
    """A redirect; `{forbidden}` and the like in its target are filled in."""

    def pieces(site: Site) -> Pieces:
        to = target.format(base=site.base, port=site.port, forbidden=site.forbidden, stalling=site.stalling)
        yield b"HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % to.encode("latin-1")

    return Attack(path, does, (outcome,), pieces)


def endless(path: str, does: str, outcome: tuple[str, ...], head: bytes, piece: bytes) -> Attack:
    return Attack(path, does, outcome, lambda _: chain([head], repeat(piece)))


def in_drops(path: str, does: str, head: bytes, drop: bytes) -> Attack:
    return Attack(path, does, ("timeout",), lambda _: chain([head], cycle([drop, 0.2])))


REDIRECTS = [
    leads_to(
        "/to/port", "redirect to another port of loopback", "private_address", "http://127.0.0.1:{forbidden}/"
    ),
    leads_to("/to/name", "by name", "private_address", "http://localhost:{forbidden}/"),
    leads_to("/to/number", "as one number", "private_address", "http://2130706433:{forbidden}/"),
    leads_to("/to/hex", "in hexadecimal, short", "private_address", "http://0x7f.1:{forbidden}/"),
    leads_to("/to/octal", "in octal", "private_address", "http://0177.0.0.1:{forbidden}/"),
    leads_to("/to/zero", "as this host", "private_address", "http://0.0.0.0:{forbidden}/"),
    leads_to("/to/v6", "IPv6 loopback", "private_address", "http://[::1]:{forbidden}/"),
    leads_to(
        "/to/mapped", "IPv4 mapped into IPv6", "private_address", "http://[::ffff:127.0.0.1]:{forbidden}/"
    ),
    leads_to("/to/nat64", "NAT64 form", "private_address", "http://[64:ff9b::7f00:1]:{forbidden}/"),
    leads_to("/to/6to4", "6to4 form", "private_address", "http://[2002:7f00:1::]:{forbidden}/"),
    leads_to("/to/cloud", "a cloud's metadata service", "private_address", "http://169.254.169.254/latest/"),
    leads_to("/to/lan", "a private network", "private_address", "http://10.0.0.1/"),
    leads_to(
        "/to/user",
        "a user that looks like the host",
        "private_address",
        "http://127.0.0.1:{port}@127.0.0.1:{forbidden}/",
    ),
    leads_to("/to/tls", "over TLS", "private_address", "https://127.0.0.1:{forbidden}/"),
    leads_to("/to/file", "redirect to a file", "http_302", "file:///etc/passwd"),
    leads_to("/to/data", "to data", "http_302", "data:text/html,<h1>made up</h1>"),
    leads_to("/to/ftp", "to FTP", "http_302", "ftp://127.0.0.1:{forbidden}/"),
    leads_to("/to/script", "to a script", "bad_redirect", "javascript:alert(1)"),
    leads_to("/to/itself", "redirect loop", "too_many_redirects", "/to/itself"),
    leads_to("/to/lines", "header injection by line ends", "http_404", "/gone\r\nX-More: yes"),
    leads_to("/to/encoded", "the same, encoded", "http_404", "/gone%0d%0aWARC-Type:%20evil"),
    leads_to("/to/bad-port", "a port that is none", "bad_redirect", "http://127.0.0.1:99999/"),
]

FRAMING = [
    in_drops("/slow/head", "head in drops", b"HTTP/1.1 200 OK\r\n", b"X-Drop: 1\r\n"),
    in_drops("/slow/body", "body in drops", page(STORY)[:300], b" "),
    fixed("/slow/silence", "no answer", "timeout", 20.0),
    endless("/endless/headers", "headers without end", BROKEN, HEAD, b"X-More: %s\r\n" % (b"y" * 8000)),
    endless("/endless/line", "a header without end", BROKEN, HEAD + b"X-Long: ", b"y" * 65536),
    endless(
        "/endless/folded",
        "a folded header without end",
        BROKEN,
        HEAD + b"X: 1\r\n",
        b" %s\r\n" % (b"y" * 8000),
    ),
    endless(
        "/endless/interim", "interim answers without end", BROKEN, b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 500
    ),
    endless(
        "/endless/hints",
        "early hints without end",
        BROKEN,
        b"",
        b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 500,
    ),
    endless(
        "/endless/chunks",
        "chunks without end",
        ("too_large",),
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n",
        b"FFFF\r\n" + b"x" * 65535 + b"\r\n",
    ),
    endless("/endless/body", "a body without end", ("too_large",), HEAD + b"\r\n", b"x" * 65536),
    endless(
        "/endless/trailer",
        "trailers without end",
        (*BROKEN, "article"),
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n%X\r\n%s\r\n0\r\n" % (len(STORY), STORY),
        b"X-T: %s\r\n" % (b"z" * 8000),
    ),
    endless(
        "/endless/extension",
        "a chunk extension without end",
        BROKEN,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n5;",
        b"e" * 65536,
    ),
    fixed(
        "/length/giant",
        "a gigabyte promised",
        "too_large",
        HEAD + b"Content-Length: 1073741824\r\n\r\n",
        b"x" * 1000,
        3.0,
    ),
    fixed("/length/negative", "a negative length", BROKEN, HEAD + b"Content-Length: -1\r\n\r\n" + STORY),
    fixed("/length/words", "a length in words", BROKEN, HEAD + b"Content-Length: plenty\r\n\r\n" + STORY),
    fixed("/length/two", "two lengths", (*BROKEN, "article"), page(STORY, b"Content-Length: 5\r\n")),
    fixed("/length/short", "less than promised", "article", HEAD + b"Content-Length: 99999\r\n\r\n" + STORY),
    fixed(
        "/chunk/size",
        "a chunk of no size",
        BROKEN,
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n" + STORY,
    ),
    fixed(
        "/chunk/giant",
        "a chunk of exabytes",
        # What came is a whole page: it is kept and flagged.
        "article",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n" + STORY,
    ),
    fixed("/http/0.9", "HTTP/0.9", BROKEN, STORY),
    fixed(
        "/http/status-line",
        "a status line of 60 kB",
        (*BROKEN, "article"),
        b"HTTP/1.1 200 " + b"O" * 60_000 + b"\r\n" + page(STORY)[17:],
    ),
    fixed(
        "/http/status", "a status of no class", "http_999", b"HTTP/1.1 999 What\r\nContent-Length: 0\r\n\r\n"
    ),
    fixed(
        "/http/nul",
        "NUL and escapes in headers",
        (*BROKEN, "article"),
        page(STORY, b"X-Nul: a\0b\x1b[2J\r\n\x07: bell\r\n"),
    ),
    fixed(
        "/http/cookies",
        "a thousand cookies",
        "article",
        page(STORY, b"".join(b"Set-Cookie: c%d=%s\r\n" % (n, b"v" * 40) for n in range(1000))),
    ),
    fixed(
        "/http/many-headers",
        "ten thousand headers",
        (*BROKEN, "article"),
        page(STORY, b"".join(b"X-%d: %d\r\n" % (n, n) for n in range(10_000))),
    ),
    fixed("/http/unasked-304", "not modified, unasked", "http_304", b"HTTP/1.1 304 Not Modified\r\n\r\n"),
    fixed(
        "/http/smuggled",
        "a second answer behind the first",
        "article",
        page(STORY, head=HEAD.replace(b"close", b"keep-alive")) + page(titled("Smuggled in")),
    ),
]

CODINGS = [
    fixed("/bomb/gzip", "gzip bomb", "too_large", page(gzip.compress(BOMB), b"Content-Encoding: gzip\r\n")),
    fixed(
        "/bomb/br",
        "brotli bomb",
        "too_large",
        page(brotli.compress(BOMB, quality=1), b"Content-Encoding: br\r\n"),
    ),
    fixed("/bomb/zstd", "zstd bomb", "too_large", page(zstd.compress(BOMB), b"Content-Encoding: zstd\r\n")),
    fixed(
        "/bomb/twice",
        "gzip in gzip",
        "too_large",
        page(gzip.compress(gzip.compress(BOMB)), b"Content-Encoding: gzip, gzip\r\n"),
    ),
    fixed(
        "/bomb/many",
        "forty codings",
        "bad_coding",
        page(b"\0" + STORY, b"Content-Encoding: " + b", ".join([b"gzip"] * 40) + b"\r\n"),
    ),
    fixed("/bomb/not", "no gzip at all", "bad_coding", page(b"\0" + STORY, b"Content-Encoding: gzip\r\n")),
]

_DEEP = b"<html><title>Deep</title><body>" + b"<div>" * 100_000 + b"text" + STORY
_SPACES = STORY.replace(b"</p>", b" " * 30_000 + b"</p>", 3)
CONTENT = [
    fixed("/html/deep", "a hundred thousand levels", ANY_END, page(_DEEP)),
    fixed(
        "/html/attributes",
        "forty thousand attributes",
        ANY_END,
        page(b"<html><body " + b" ".join(b"a%d=1" % n for n in range(40_000)) + b">" + STORY),
    ),
    fixed(
        "/html/entities",
        "entities that swell",
        ANY_END,
        page(
            b'<?xml version="1.0"?><!DOCTYPE html [<!ENTITY a "aaaaaaaaaa">'
            b'<!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;">]>'
            + STORY.replace(b"</p>", b"&c;</p>")
        ),
    ),
    fixed(
        "/html/xxe",
        "an entity that is a file",
        ANY_END,
        page(
            b'<?xml version="1.0"?><!DOCTYPE html [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
            + STORY.replace(b"</p>", b"&f;</p>")
        ),
    ),
    fixed("/html/spaces", "text for slow expressions", ANY_END, page(_SPACES)),
    fixed(
        "/html/commas",
        "words for slow expressions",
        ANY_END,
        page(STORY.replace(b"</p>", b" par" + b" Anna-Lena, de la" * 3000 + b"</p>", 3)),
    ),
    fixed(
        "/html/surrogates",
        "lone surrogates",
        ANY_END,
        page(STORY.replace(b"</p>", b"&#xD800;&#55357;\xed\xa0\x80</p>")),
    ),
    fixed(
        "/html/utf-7",
        "UTF-7",
        ANY_END,
        page(STORY.replace(b"</p>", b"+ADw-script+AD4-</p>"), head=HEAD.replace(b"utf-8", b"utf-7")),
    ),
    fixed(
        "/html/codec",
        "a charset that is Python's own",
        ANY_END,
        page(STORY, head=HEAD.replace(b"utf-8", b"zlib_codec")),
    ),
    fixed("/html/idna", "another", ANY_END, page(STORY, head=HEAD.replace(b"utf-8", b"punycode"))),
    fixed("/html/bom", "a byte order mark that lies", ANY_END, page(b"\xff\xfe" + STORY)),
    fixed("/html/binary", "no page at all", ANY_END, page(bytes(range(256)) * 400)),
    fixed(
        "/html/refresh",
        "a page that leads to itself",
        ANY_END,
        page(b'<meta http-equiv="refresh" content="0; url=/html/refresh">'),
    ),
    fixed(
        "/html/refresh-file",
        "a page that leads to a file",
        ANY_END,
        page(b'<meta http-equiv="refresh" content="0; url=file:///etc/passwd">'),
    ),
    fixed(
        "/html/base",
        "a base elsewhere",
        ANY_END,
        page(STORY.replace(b"<head>", b'<head><base href="http://169.254.169.254/">')),
    ),
    fixed(
        "/title/escapes",
        "a title that moves the cursor",
        ANY_END,
        page(titled("Storm \x1b[2J\x1b]0;owned\x07 over the harbour")),
    ),
    fixed(
        "/title/lines",
        "a title of several lines",
        ANY_END,
        page(titled("Storm\r\nERROR: made up\u2028over the harbour")),
    ),
    fixed("/title/formula", "a title that is a formula", ANY_END, page(titled("=cmd|' /C calc'!A0"))),
    fixed(
        "/title/html",
        "a title with a script",
        ANY_END,
        page(titled("Storm &lt;script&gt;alert(1)&lt;/script&gt; at sea")),
    ),
    fixed(
        "/title/turned",
        "a title that turns the reading direction",
        ANY_END,
        page(titled("Storm \u202egnihton\u202c over the harbour")),
    ),
    fixed(
        "/jsonld/deep",
        "JSON of many levels",
        ANY_END,
        page(
            STORY.replace(
                b"</head>", b'<script type="application/ld+json">' + b"[" * 100_000 + b"</script></head>"
            )
        ),
    ),
    fixed(
        "/jsonld/number",
        "a number of many digits",
        ANY_END,
        page(
            STORY.replace(
                b"</head>",
                b'<script type="application/ld+json">{"@type":"NewsArticle","headline":'
                + b"9" * 50_000
                + b"}</script></head>",
            )
        ),
    ),
]

INNOCENT = fixed("/story", "none: an honest page", "article", page(STORY))
STALLED = "/stalled"
PAGES = [INNOCENT, *REDIRECTS, *FRAMING, *CODINGS, *CONTENT]
