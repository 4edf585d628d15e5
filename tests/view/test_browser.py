"""The viewer in Chromium: search, open, original, explain, diff; accessible, never off this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lines_made import write_run
from wire.archived import answer, archived_run, story
from wire.programs import npm_package
from wire.viewer import Viewer, looking, serving_view, trap

from newscrawl.archive.lines import read_articles
from newscrawl.cli.view import Explainer
from newscrawl.items import WarcPointer
from newscrawl.warc.reader import iter_records

pytestmark = pytest.mark.slow

PIER, GULL, MOVED = (f"http://example.org/{name}" for name in ("pier", "gull", "moved"))
OUTWARD = b"""<head><meta charset=utf-8><link rel=stylesheet href=http://css.example/a.css>
<link rel=preconnect href=http://preconnect.example><link rel=dns-prefetch href=//dns.example>
<link rel="prefetch" href="http://prefetch.example/x">
<script src="http://script.example/a.js"></script><script>location = "http://location.example/"</script>
<style>@import url(http://import.example/a.css); p { background: url(http://background.example/a) }</style>
<script type=speculationrules>{"prefetch": [{"source": "list", "urls": ["http://rules.example/"]}]}</script>"""
REFRESH = b"<head><meta http-equiv=refresh content='0;url=http://refresh.example/'>"
OUTWARD_BODY = b"""<body onload="fetch('http://fetch.example/')"><img src=http://img.example/a.png>
<iframe src=http://frame.example/></iframe><video src=http://video.example/a.mp4 autoplay></video>
<object data=http://object.example/></object>
<form action=http://form.example/><button autofocus>x</button></form>
<img src=x onerror="top.document.title='broken'">
<a id=away href=http://away.example/ ping=http://ping.example/>away</a>
<svg><image href="http://svg.example/a.png"/></svg><input type=image src=http://input.example/a.png>"""


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archives")
    page = story("pier").replace(b"<head>", OUTWARD).replace(b"<body>", OUTWARD_BODY)
    gull = story("gull")
    pages = {PIER: answer(page), GULL: answer(gull), MOVED: answer(gull.replace(b"<head>", REFRESH))}
    run = archived_run(folder, "echo", pages)
    article, other = read_articles(run.lines)
    # A page that forwards its readers is no article; here an article's line leads to it all the same.
    records = {record.url: record for record in iter_records(run.warcs[0]) if record.kind == "response"}
    moved = records[MOVED]
    pointer = WarcPointer(
        file=run.warcs[0].name, offset=moved.offset, length=moved.length, record_id=moved.record_id
    )
    write_run(folder, [other.model_copy(update={"id": "c" * 32, "warc": pointer})], outlet="echo", pid=2)
    update = {
        "id": "b" * 32,
        "version": 2,
        "text": article.text.replace("two engineers", "three engineers"),
        "fetched": "2026-03-02T12:00:00.000000Z",
    }
    write_run(folder, [article.model_copy(update=update)], outlet="echo", day="20260302")
    return folder


@pytest.fixture(scope="module")
def viewer(archives: Path) -> Iterator[Viewer]:
    explainer = Explainer()
    try:
        with serving_view(archives, explain=explainer.explain) as serving:
            yield serving
    finally:
        explainer.close()


def own_errors(page: Any, viewer: Viewer) -> list[str]:
    """Collects what the viewer's own pages complain of, but not that an original was refused something."""
    messages: list[str] = []

    def note(message: Any) -> None:
        is_ours = not message.location.get("url", "").startswith(viewer.originals)
        if message.type in {"error", "warning"} and is_ours and viewer.originals not in message.text:
            messages.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: messages.append(str(error)))
    return messages


def test_search_open_original_explain_and_diff(viewer: Viewer) -> None:
    with trap() as (port, callers), looking(port, locale="en-GB") as page:
        errors = own_errors(page, viewer)
        answers: list[str] = []
        page.on("response", lambda response: answers.append(response.url))
        page.goto(f"{viewer.base}/")
        page.get_by_label("Words in the title or the text").fill("pier engineers")
        page.keyboard.press("Enter")
        page.get_by_role("link", name="News of the pier").click()
        frame = page.frame_locator("iframe")
        frame.get_by_text("Repairs to the pier wall").wait_for()
        assert frame.locator("h1").inner_text() == "News of the pier"
        frame.locator("#away").click()
        page.get_by_role("link", name="Explain every block").click()
        page.get_by_text("The decision on every block").wait_for()
        assert page.locator(".verdicts li.story").count() >= 4
        page.goto(page.url.partition("?")[0])
        page.locator("#versions").get_by_role("link", name="Changes").click()
        assert tuple(page.locator(f".diff {name}").text_content() for name in ("del", "ins")) == (
            "[removed]two",
            "[added]three",
        )
        assert page.title() == "Changes – newscrawl"
        page.goto(f"{viewer.base}/articles/{'c' * 32}")
        page.frame_locator("iframe").get_by_text("Repairs to the gull wall").wait_for()
        page.wait_for_timeout(1500)
    assert not errors
    assert not callers
    assert all(url.startswith((viewer.base, viewer.originals)) for url in answers)


def test_the_trap_would_see_a_connection() -> None:
    with trap() as (port, callers), looking(port) as page:
        page.set_content("<link rel=preconnect href=http://preconnect.example><img src=http://img.example/>")
        page.wait_for_timeout(1500)
    assert callers


def test_everything_works_by_keyboard_and_without_scripts(viewer: Viewer) -> None:
    with looking(java_script_enabled=False) as page:
        page.goto(f"{viewer.base}/?q=pier")
        page.keyboard.press("Tab")
        skip = page.locator(".skip:focus")
        assert skip.bounding_box()["x"] >= 0, "the skip link shows when it has the focus"
        page.keyboard.press("Enter")
        page.wait_for_url("**#content")
        page.get_by_role("link", name="News of the pier").focus()
        page.keyboard.press("Enter")
        page.frame_locator("iframe").get_by_text("Repairs to the pier wall").wait_for()


@pytest.mark.parametrize(("width", "scheme"), [(320, "dark"), (1280, "light")])
def test_pages_are_accessible_and_fit_a_phone(viewer: Viewer, width: int, scheme: str) -> None:
    axe = npm_package("axe-core") / "axe.min.js"
    articles = [f"/articles/{'b' * 32}?explain=1", f"/diff?old={'b' * 32}&new={'c' * 32}"]
    paths = ["/", "/?q=pier&lang=fr", *articles, "/outlets", "/outlets/echo", "/crawls", "/api", "/x"]
    size = {"width": width, "height": 700}
    # Only here, so that axe-core itself can run on pages that allow no script.
    with looking(viewport=size, color_scheme=scheme, bypass_csp=True) as page:
        for path in paths:
            page.goto(viewer.base + path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            page.add_script_tag(path=axe)
            found = page.evaluate("axe.run(document, {iframes: false})")
            serious = [
                (each["id"], [node["html"] for node in each["nodes"]][:3])
                for each in found["violations"]
                if each["impact"] in {"serious", "critical"}
            ]
            assert not serious, (path, serious)
