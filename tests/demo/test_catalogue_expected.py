"""Expectations and the comparison against them."""

from __future__ import annotations

import pytest

from newscrawl.demo.catalogue import compare, demo_sites, expected
from newscrawl.errors import NewscrawlError


def texts(outlet_id: str) -> dict[str, str]:
    return {path: page.text for path, page in expected(outlet_id).items() if page.kind == "article"}


def test_there_are_sixty_stories_and_more_of_real_length() -> None:
    stories = [page for site in demo_sites() for page in expected(site.id).values() if page.kind == "article"]
    assert len(stories) >= 60
    assert all(len(page.text.split()) > 150 for page in stories)
    assert all(page.published and page.published.utcoffset() is not None for page in stories)


def test_no_two_stories_of_an_outlet_share_a_paragraph() -> None:
    for site in demo_sites():
        paragraphs = [p for page in expected(site.id).values() for p in page.paragraphs]
        assert len(paragraphs) == len(set(paragraphs))


def test_shared_stories_are_the_same_word_for_word() -> None:
    wire = {page.paragraphs for page in expected("deccan_wire").values() if page.kind == "article"}
    copies = [
        page
        for outlet_id in ("kamer_echo", "fundy_courier")
        for page in expected(outlet_id).values()
        if page.syndicated and page.paragraphs in wire
    ]
    assert len(copies) == 6
    assert all(page.notice for page in copies)


def test_mixed_stories_say_the_language_of_each_paragraph() -> None:
    mixed = [page for page in expected("kamer_echo").values() if page.lang == "mixed"]
    assert len(mixed) == 2
    assert all({"fr", "en"} == set(page.languages) for page in mixed)
    assert all(len(page.languages) == len(page.paragraphs) for page in mixed)


def test_stories_hold_headings_quotes_and_lists_without_their_markup() -> None:
    (story,) = [page for page in expected("kamer_echo").values() if page.title and "Nkolbong" in page.title]
    assert "Un chantier suivi par les habitants" in story.paragraphs
    assert "quinze mille francs" in story.text
    assert not {"**", "## ", "> "} & {part for part in ("**", "## ", "> ") if part in story.text}


def test_a_redirect_says_where_it_leads() -> None:
    pages = expected("val_sambre")
    (moved,) = [page for page in pages.values() if page.reason == "redirect"]
    assert moved.leads_to is not None
    assert pages[moved.leads_to].kind == "article"


def test_the_right_texts_are_exact() -> None:
    for site in demo_sites():
        given = texts(site.id)
        result = compare(given, site.id)
        assert result.exact == tuple(sorted(given))
        assert (result.different, result.missing, result.unexpected) == ((), (), ())


def test_kinds_of_space_urls_and_tracking_make_no_difference() -> None:
    given = {
        f"http://127.0.0.1:9{path}?utm_source=x": text.replace(" :", "\u00a0:").replace("« ", "«\u202f")
        for path, text in texts("kamer_echo").items()
    }
    assert len(compare(given, "kamer_echo").exact) == len(given)


def test_what_is_lost_added_missing_or_too_much_is_told() -> None:
    given = texts("deccan_wire")
    first, second, *_ = sorted(given)
    kept = given[first].split("\n\n")
    given[first] = "\n\n".join([*kept[1:], "Chrome."])
    del given[second]
    given["/stories/all"] = "A listing."
    result = compare(given, "deccan_wire")
    (difference,) = result.different
    assert (difference.path, difference.lost, difference.added) == (first, (kept[0],), ("Chrome.",))
    assert (result.missing, result.unexpected) == ((second,), ("/stories/all",))


def test_an_unknown_outlet_is_an_error() -> None:
    with pytest.raises(NewscrawlError):
        expected("nobody")
