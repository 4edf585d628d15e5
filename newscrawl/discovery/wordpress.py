"""Reads links from WordPress's own API: posts with title, date and the story's clean HTML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit, urlunsplit

from newscrawl.discovery.results import Outcome, SourceResult, link_url, make_result, unique_links
from newscrawl.discovery.text import clean_line, full_content, parse_json, scalar_text, strip_title_markup
from newscrawl.items import Link

API_BYTES = 32 * 1024 * 1024
"Room for a hundred posts of 256 KiB."
PER_PAGE = 20
_PER_PAGE_MAX = 100
"WordPress allows no more."
_FIELDS = "id,guid,link,title,date,date_gmt,content"
_END_OF_PAGES = "rest_post_invalid_page_number"


def posts_url(home: str, page: int = 1, per_page: int = PER_PAGE) -> str:
    """The URL where WordPress lists its posts, newest first; `page` counts from 1."""
    query = {"per_page": min(per_page, _PER_PAGE_MAX), "page": page, "_fields": _FIELDS}
    folder = home.partition("?")[0].partition("#")[0].rstrip("/") + "/"
    return f"{urljoin(folder, 'wp-json/wp/v2/posts')}?{urlencode(query, safe=',')}"


def read_posts(body: bytes, url: str, pages: int = 3) -> SourceResult:
    """The posts of an API page as links; while pages are full, the next is a child source, up to `pages`."""
    if len(body) > API_BYTES:
        return SourceResult(outcome="too_large")
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        return SourceResult(outcome="html")
    if not body.strip():
        return SourceResult(outcome="empty")
    posts = parse_json(body)
    if not isinstance(posts, list):
        return _error_result(posts)
    links = unique_links(_iter_post_links(posts, url), _PER_PAGE_MAX)
    if posts and not links:
        return SourceResult(outcome="malformed", note="no post has a usable link")
    return make_result(links, _next_posts_page(url, len(posts), pages) if links else ())


def read_post(body: bytes, url: str) -> Link | None:
    """A single post of the API, at the address that its page names; None if the answer is no open post.

    The story of a post with a password is no story: WordPress says so in `content.protected`.
    """
    post = parse_json(body) if len(body) <= API_BYTES else None
    content = post.get("content") if isinstance(post, dict) else None
    if not isinstance(content, dict) or content.get("protected"):
        return None
    return next(_iter_post_links([post], url), None)


def _error_result(answer: Any) -> SourceResult:
    code = answer.get("code") if isinstance(answer, dict) else None
    if code == _END_OF_PAGES:
        return SourceResult(outcome="empty")
    outcome: Outcome = "malformed" if answer is None else "unsupported"
    return SourceResult(outcome=outcome, note=clean_line(code))


def _iter_post_links(posts: list[Any], url: str) -> Iterator[Link]:
    for post in posts:
        target = link_url(post.get("link"), url) if isinstance(post, dict) else None
        if target:
            yield Link(
                url=target,
                via="wp_api",
                from_url=url,
                guid=clean_line(_rendered(post, "guid")) or clean_line(scalar_text(post.get("id"))),
                title=strip_title_markup(_rendered(post, "title")),
                published=_post_date(post),
                content=full_content(_rendered(post, "content")),
            )


def _rendered(post: dict[str, Any], key: str) -> object:
    value = post.get(key)
    return value.get("rendered") if isinstance(value, dict) else value


def _post_date(post: dict[str, Any]) -> str | None:
    moment = clean_line(post.get("date_gmt"))
    # WordPress gives UTC without a zone, and zeros for a post whose zone it does not know.
    if moment and not moment.startswith("0000"):
        return moment if moment.endswith("Z") else f"{moment}Z"
    return clean_line(post.get("date"))


def _next_posts_page(url: str, posts: int, pages: int) -> tuple[str, ...]:
    parts = urlsplit(url)
    query = {key: values[-1] for key, values in parse_qs(parts.query, max_num_fields=100).items()}
    page, per_page = _query_number(query.get("page"), 1), _query_number(query.get("per_page"), 10)
    if posts < per_page or page >= pages:
        return ()
    query["page"] = str(page + 1)
    return (urlunsplit(parts._replace(query=urlencode(query, safe=","))),)


def _query_number(text: str | None, default: int) -> int:
    """A small positive number from a query, else WordPress's default."""
    return int(text) if text and text.isascii() and text.isdigit() and 0 < len(text) < 7 else default
