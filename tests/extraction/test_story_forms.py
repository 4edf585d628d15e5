"""Which other form of a story is asked for, and for which pages nothing is."""

from __future__ import annotations

from typing import Any

import pytest
from stories_made import page, paragraphs, story, tagged

from newscrawl.extraction.extract import trace_extraction
from newscrawl.extraction.story_forms import FormLink
from newscrawl.extraction.witness import Witness
from newscrawl.items import Article, Rejection
from newscrawl.outlet import Outlet, Rule

URL = "https://post.example/2026/wall/"
JSON_URL, NODE_URL = (
    "https://post.example/wp-json/wp/v2/posts/7",
    "https://post.example/jsonapi/node/article/7",
)
BODY = paragraphs(2_000)
POST = f'<link rel="alternate" title="JSON" type="application/json" href="{JSON_URL}">'
NODE = f'<link rel=alternate type="application/vnd.api+json" href="{NODE_URL}">'
AMP = '<link rel="amphtml" href="/2026/wall/amp/">'
FREE = '<script type="application/ld+json">{"@type": "NewsArticle", "isAccessibleForFree": %s}</script>'
TIER = '<meta name="article:content_tier" content="%s">'
STATE = '<script type="application/json">{"url": "/2026/wall/", "isPremium": true, "x": "%s"}</script>'
EMPTY = page("<div id=app></div>", head=AMP)


def outlet(*forms: str, **more: Any) -> Outlet:
    return Outlet(
        id="post",
        title="Selby Post",
        home="https://post.example/",
        country="GB",
        languages=["en"],
        timezone="Europe/London",
        kind="regional",
        story_forms=list(forms),
        **more,
    )


def find(html: str, *forms: str, link: str | None = None, **more: Any) -> FormLink | None:
    facts = {"witness": more.pop("witness", None)}
    trace = trace_extraction(
        html.encode(), URL, headers={"link": link} if link else {}, outlet=outlet(*forms, **more), **facts
    )
    return trace.form


@pytest.mark.parametrize(
    ("html", "forms", "link", "found"),
    [
        (story(tagged(BODY), head=POST), ["wordpress"], None, ("wordpress", JSON_URL)),
        (story(tagged(BODY), head=NODE), ["drupal"], None, ("drupal", NODE_URL)),
        (story(tagged(BODY), head=POST + NODE), ["drupal", "wordpress"], None, ("drupal", NODE_URL)),
        (
            story(tagged(BODY)),
            ["wordpress"],
            f'<https://post.example/wp-json/>; rel="https://api.w.org/", '
            f'<{JSON_URL}>; rel="alternate"; title="JSON, of it"; type="application/json; charset=UTF-8"',
            ("wordpress", JSON_URL),
        ),
        (EMPTY, ["wordpress", "amp"], None, ("amp", f"{URL}amp/")),
        (story(tagged(BODY[:1]), head=AMP), ["amp"], None, ("amp", f"{URL}amp/")),
        (story(tagged(BODY), head=POST + FREE % "true"), ["wordpress"], None, ("wordpress", JSON_URL)),
    ],
    ids=["wordpress", "drupal", "order", "header", "amp", "amp_of_a_lede", "free"],
)
def test_what_the_page_names_is_found(
    html: str, forms: list[str], link: str | None, found: tuple[str, str]
) -> None:
    assert find(html, *forms, link=link) == found


@pytest.mark.parametrize(
    ("html", "forms"),
    [
        (story(tagged(BODY), head=POST + NODE + AMP), []),
        (story(tagged(BODY), head=POST), ["drupal", "amp", "arc"]),
        (story(tagged(BODY), head=POST.replace("post.example", "api.example")), ["wordpress"]),
        (story(tagged(BODY), head=POST.replace("/json", "/json+oembed")), ["wordpress"]),
        (story(tagged(BODY), head=POST.replace("https://", "https://u:p@")), ["wordpress"]),
        (story(tagged(BODY), head=POST.replace("https://", "ftp://")), ["wordpress"]),
        (story(tagged(BODY), head=POST + FREE % "false"), ["wordpress"]),
        (story(tagged(BODY), head=POST + TIER % "locked"), ["wordpress"]),
        (story(tagged(BODY), head=POST + TIER % "metered"), ["wordpress"]),
        (story(tagged([*BODY, "Subscribe to continue reading this article."]), head=POST), ["wordpress"]),
        (story(tagged(BODY[:2]), head=POST + STATE % ("x" * 400)), ["wordpress"]),
        (story(tagged(BODY), head=AMP), ["amp"]),
        (page("<div id=app></div>", head=AMP + FREE % "false"), ["amp"]),
        (page("<div id=app></div>", head=AMP + TIER % "registered"), ["amp"]),
        (page("<div id=app></div>" + STATE % ("x" * 400), head=AMP), ["amp"]),
        (page("<div id=app></div>", head=AMP.replace("/2026", "https://cdn.example/2026")), ["amp"]),
        (f"<title>Just a moment...</title>{AMP}<p>Please wait.</p>", ["amp"]),
        (page("<div id=app></div>", head=POST), ["wordpress"]),
    ],
    ids=[
        "not_asked",
        "another_form",
        "another_host",
        "another_type",
        "password",
        "scheme",
        "not_free",
        "locked",
        "metered",
        "wall_in_text",
        "wall_in_state",
        "amp_of_a_whole_page",
        "amp_not_free",
        "amp_login",
        "amp_state",
        "amp_host",
        "amp_bot_wall",
        "json_of_an_empty_page",
    ],
)
def test_nothing_is_asked_for(html: str, forms: list[str]) -> None:
    assert find(html, *forms) is None


def test_what_is_sure_needs_no_other_form() -> None:
    html = story(tagged(BODY), head=POST)
    assert find(html, "wordpress", witness=Witness(html=tagged(BODY))) is None
    assert find(html, "wordpress", rules=[Rule(body="article")]) is None
    assert find(html, "wordpress", witness=Witness(html=tagged([f"{BODY[0][:90]} […]"]))) is not None


def test_a_hostile_header_costs_little() -> None:
    header = f"{'<a' * 20_000}, {'; a=b' * 20_000}, <{JSON_URL}>; rel=alternate"
    assert find(story(tagged(BODY)), "wordpress", link=header) is None


def test_the_page_has_its_own_result() -> None:
    """Asking for another form changes nothing about what the page itself gives."""
    for html in (story(tagged(BODY), head=POST + AMP), EMPTY):
        asked, bare = (
            trace_extraction(html.encode(), URL, outlet=outlet(*forms)).result
            for forms in (("wordpress", "drupal", "amp"), ())
        )
        assert isinstance(asked, Article | Rejection)
        assert asked == bare
