"""Links of WordPress' own API: posts with title, date and clean HTML of the story."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit, urlunsplit

from newscrawl.discovery.results import Found, Outcome, first_of_each, link_url, outcome_of
from newscrawl.discovery.text import as_text, one_line, parsed_json, plain_title, whole_content
from newscrawl.items import Link

API_BYTES = 32 * 1024 * 1024
"A hundred posts of 256 KiB fit in."
PER_PAGE = 20
_PER_PAGE_MAX = 100
"What WordPress grants at most."
_FIELDS = "id,guid,link,title,date,date_gmt,content"
_END_OF_PAGES = "rest_post_invalid_page_number"


def posts_url(home: str, page: int = 1, per_page: int = PER_PAGE) -> str:
    """Where WordPress lists its posts, newest first; `page` counts from 1."""
    query = {"per_page": min(per_page, _PER_PAGE_MAX), "page": page, "_fields": _FIELDS}
    folder = home.partition("?")[0].partition("#")[0].rstrip("/") + "/"
    return f"{urljoin(folder, 'wp-json/wp/v2/posts')}?{urlencode(query, safe=',')}"


def links_of_posts(body: bytes, url: str, pages: int = 3) -> Found:
    """The posts of an API page as links; `more` is the next page while pages are full, up to `pages`."""
    if len(body) > API_BYTES:
        return Found(outcome="too_large")
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        return Found(outcome="html")
    if not body.strip():
        return Found(outcome="empty")
    posts = parsed_json(body)
    if not isinstance(posts, list):
        return _refusal(posts)
    links = first_of_each(_post_links(posts, url), _PER_PAGE_MAX)
    if posts and not links:
        return Found(outcome="malformed", note="no post has a usable link")
    return outcome_of(links, _next_page(url, len(posts), pages) if links else ())


def _refusal(answer: Any) -> Found:
    code = answer.get("code") if isinstance(answer, dict) else None
    if code == _END_OF_PAGES:
        return Found(outcome="empty")
    outcome: Outcome = "malformed" if answer is None else "unsupported"
    return Found(outcome=outcome, note=one_line(code))


def _post_links(posts: list[Any], url: str) -> Iterator[Link]:
    for post in posts:
        target = link_url(post.get("link"), url) if isinstance(post, dict) else None
        if target:
            yield Link(
                url=target,
                via="wp_api",
                from_url=url,
                guid=one_line(_rendered(post, "guid")) or as_text(post.get("id")),
                title=plain_title(_rendered(post, "title")),
                published=_published(post),
                content=whole_content(_rendered(post, "content")),
            )


def _rendered(post: dict[str, Any], key: str) -> object:
    value = post.get(key)
    return value.get("rendered") if isinstance(value, dict) else value


def _published(post: dict[str, Any]) -> str | None:
    moment = one_line(post.get("date_gmt"))
    # WordPress prints UTC without saying so, and zeros for a post whose zone it does not know.
    if moment and not moment.startswith("0000"):
        return moment if moment.endswith("Z") else f"{moment}Z"
    return one_line(post.get("date"))


def _next_page(url: str, posts: int, pages: int) -> tuple[str, ...]:
    parts = urlsplit(url)
    query = {key: values[-1] for key, values in parse_qs(parts.query, max_num_fields=100).items()}
    page, per_page = _number(query.get("page"), 1), _number(query.get("per_page"), 10)
    if posts < per_page or page >= pages:
        return ()
    query["page"] = str(page + 1)
    return (urlunsplit(parts._replace(query=urlencode(query, safe=","))),)


def _number(text: str | None, default: int) -> int:
    """A small positive number from a query, else what WordPress takes by default."""
    return int(text) if text and text.isascii() and text.isdigit() and 0 < len(text) < 7 else default
