"""Boilerplate of a site: texts that recur on its pages are chrome, while a repeated story is not."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Sequence

import pytest
from lxml.html import document_fromstring

from newscrawl.extraction.boilerplate import (
    MAX_DAYS,
    MAX_PAGES,
    PageRecord,
    SiteMemory,
    build_memory,
    dump_records,
    latest_records,
    load_records,
    record_page,
)
from newscrawl.extraction.extract import extract, trace_extraction
from newscrawl.extraction.head import read_head
from newscrawl.extraction.view import PageView, build_view
from newscrawl.items import Article
from newscrawl.outlet import Rule

URL = "https://echo.example/"
APPEAL = "Notre journal vit de ses lecteurs : abonnez-vous pour un euro le premier mois, sans engagement."
NAMES = ("port", "pont", "marché", "lycée", "stade", "moulin", "canal", "théâtre", "hospice", "verger")


def story_lines(name: str) -> list[str]:
    """A story of its own."""
    return [
        f"Le conseil a parlé du {name} mardi soir, devant une salle pleine de riverains inquiets.",
        f"Les travaux du {name} doivent commencer avant l'hiver, selon l'adjoint chargé du dossier.",
        f"Personne ne s'est opposé au {name}, mais plusieurs ont demandé qui paierait la facture.",
    ]


def page(story: Sequence[str], *, foot: str = "", middle: str = "", cls: str = "texte") -> PageView:
    """A page with its story in a container of its own."""
    lines = [f"<p>{line}</p>" for line in story]
    if middle:
        lines.insert(2, middle)
    html = f"<body><nav>Accueil</nav><div class={cls}>{''.join(lines)}</div>{foot}</body>"
    tree = document_fromstring(html)
    return build_view(tree, read_head(tree, URL, {}), Rule())


def record(
    view: PageView, title: str, *, chrome: Iterable[str] = (), day: str = "2026-03-01", url: str = ""
) -> PageRecord:
    """The record of a page on which everything but the menu and `chrome` looked like the story."""
    outside = {"Accueil", *chrome}
    inside = [block.text not in outside for block in view.blocks]
    return record_page(view, inside, url=url or URL + title.replace(" ", "-"), day=day, title=title)


def texts(memory: SiteMemory, view: PageView) -> list[str]:
    """The lines of a page that recur according to the memory."""
    return [view.blocks[at].text for at in sorted(memory.find_recurring(view))]


def memory_from(count: int, **parts: str) -> SiteMemory:
    """The memory of this many pages, each with a story of its own."""
    return build_memory(
        record(page(story_lines(name), **parts), f"Des nouvelles du {name}") for name in NAMES[:count]
    )


def test_three_pages_are_enough_and_two_are_not() -> None:
    foot = f"<div class=appel><p>{APPEAL}</p></div>"
    view = page(story_lines("verger"), foot=foot)
    assert texts(memory_from(3, foot=foot), view) == ["Accueil", APPEAL]
    assert texts(memory_from(2, foot=foot), view) == []


def test_a_text_at_another_kind_of_place_is_another() -> None:
    memory = memory_from(5, foot=f"<div class=appel><p>{APPEAL}</p></div>")
    assert APPEAL not in texts(memory, page([*story_lines("verger"), APPEAL]))


def test_numbers_and_ids_do_not_make_another_place() -> None:
    feet = [f"<div id=n{n} class='appel item-{n}'><p>{APPEAL}</p></div>" for n in range(5)]
    records = [
        record(page(story_lines(name), foot=foot), f"Du {name}")
        for name, foot in zip(NAMES, feet[:4], strict=False)
    ]
    assert APPEAL in texts(build_memory(records), page(story_lines("verger"), foot=feet[4]))


def test_a_text_inside_a_story_must_be_usual_there() -> None:
    middle = f"<p>{APPEAL}</p>"
    view = page(story_lines("verger"), middle=middle)
    assert APPEAL in texts(memory_from(5, middle=middle), view)
    some = [record(page(story_lines(name), middle=middle), f"Du {name}") for name in NAMES[:4]]
    more = [record(page(story_lines(f"{name} neuf")), f"Du {name} neuf") for name in NAMES]
    assert APPEAL not in texts(build_memory([*some, *more]), view)


def test_a_sub_headline_of_many_stories_stays() -> None:
    middle = "<h2>Ce qu'il faut retenir</h2>"
    assert texts(memory_from(6, middle=middle), page(story_lines("verger"), middle=middle)) == ["Accueil"]


def test_a_live_blog_at_many_addresses_is_one_story() -> None:
    entries = [line for name in NAMES for line in story_lines(name)]
    live = [
        record(page(entries[: 9 + 3 * n]), "Élections en direct : la journée", url=f"{URL}direct/{n}")
        for n in range(6)
    ]
    assert texts(build_memory(live), page(entries)) == []


def test_a_text_that_a_live_blog_repeats_each_day_is_not_chrome() -> None:
    repeated = story_lines("port")
    live = [
        record(
            page([*repeated, *story_lines(f"{name} neuf")]), f"Tempête sur la côte, en direct : jour {day}"
        )
        for day, name in enumerate(NAMES[1:4])
    ]
    others = [record(page(story_lines(name)), f"Du {name}") for name in NAMES[4:7]]
    view = page([*repeated, *story_lines("verger")])
    assert texts(build_memory([*live, *others]), view) == ["Accueil"]
    elsewhere = [record(page([*repeated, *story_lines(f"{name} neuf")]), name) for name in NAMES[1:4]]
    assert texts(build_memory([*elsewhere, *others]), view) == ["Accueil", *repeated]


def test_a_story_printed_again_under_other_headlines_is_one_story() -> None:
    again = [
        record(page(story_lines("port")), title) for title in ("Le port", "Une soirée agitée", "Qui paiera ?")
    ]
    others = [record(page(story_lines(name)), f"Du {name}") for name in NAMES[1:]]
    assert texts(build_memory([*again, *others]), page(story_lines("port"))) == ["Accueil"]


def test_a_rare_line_at_the_edge_of_a_story_stays_and_a_usual_one_goes() -> None:
    edge = "Cet article a été écrit avec le concours de la rédaction de nos confrères du littoral."
    view = page([*story_lines("verger"), edge])
    some = [record(page([*story_lines(name), edge]), f"Du {name}") for name in NAMES[:4]]
    more = [record(page(story_lines(f"{name} voisin")), f"Le {name} voisin") for name in NAMES]
    even = [record(page(story_lines(f"{name} d'ici")), f"Ici, le {name}") for name in NAMES]
    assert edge in texts(build_memory([*some, *more]), view)
    assert edge not in texts(build_memory([*some, *more, *even]), view)


def test_a_short_line_amid_a_story_must_be_on_nearly_all_pages() -> None:
    middle = "<p><b>Une enquête en cours</b></p>"
    view = page(story_lines("verger"), middle=middle)
    some = [record(page(story_lines(name), middle=middle), f"Du {name}") for name in NAMES[:6]]
    more = [record(page(story_lines(f"{name} voisin")), f"Le {name} voisin") for name in NAMES[:4]]
    assert texts(build_memory(some), view) == ["Accueil", "Une enquête en cours"]
    assert texts(build_memory([*some, *more]), view) == ["Accueil"]


def test_a_text_that_is_most_of_a_page_stays() -> None:
    long = f"<div class=appel><p>{APPEAL * 9}</p></div>"
    memory = build_memory(
        record(page(story_lines(name), foot=long), f"Du {name}", chrome=[APPEAL * 9]) for name in NAMES[:5]
    )
    assert texts(memory, page(["Une brève d'une ligne."], foot=long)) == ["Accueil"]


def test_a_series_box_amid_a_few_stories_stays() -> None:
    middle = "<p>Premier volet : comment le fleuve a changé de lit en trente ans, et ce qu'il a emporté.</p>"
    series = [record(page(story_lines(name), middle=middle), f"Du {name}") for name in NAMES[:4]]
    others = [record(page(story_lines(f"{name} voisin")), f"Le {name} voisin") for name in NAMES]
    assert texts(build_memory([*series, *others]), page(story_lines("verger"), middle=middle)) == ["Accueil"]


def test_recurring_texts_longer_than_the_story_stay_if_they_look_like_it() -> None:
    foot = "".join(f"<div class=appel><p>{APPEAL} {n}</p></div>" for n in range(9))
    memory = build_memory(
        record(page(story_lines(name), foot=foot, cls="c"), f"Du {name}") for name in NAMES[:5]
    )
    view = page(["Une brève d'une ligne."], foot=foot, cls="c")
    assert not any(text.startswith(APPEAL) for text in texts(memory, view))


def test_a_page_with_only_recurring_texts_is_left_alone() -> None:
    foot = f"<div class=appel><p>{APPEAL}</p></div>"
    assert texts(memory_from(5, foot=foot), page([], foot=foot)) == []
    other = foot.replace("un euro", "deux euros")
    rare = record(page(story_lines("jardin"), foot=other), "Du jardin")
    usual = [record(page(story_lines(name), foot=foot), f"Du {name}") for name in NAMES[:5]]
    left = page([], foot=foot + foot.replace("un euro", "trois euros"))
    assert texts(build_memory([*usual, rare]), left) == []


def test_recurring_bylines_and_wire_notices_still_become_metadata() -> None:
    def body(name: str) -> bytes:
        story = "".join(f"<p>{line}</p>" for line in story_lines(name))
        signed = f"<p>Par Marie Dupont</p>{story}<p>{APPEAL}</p><p>Source : AFP</p>"
        return f"<html><body><article><h1>Du {name}</h1>{signed}</article></body></html>".encode()

    def memory() -> SiteMemory:
        traces = [trace_extraction(body(name), f"{URL}{name}") for name in NAMES[:4]]
        views = [trace.view for trace in traces if trace.view]
        return build_memory(
            record(view, f"Du {name}", url=URL + name) for view, name in zip(views, NAMES, strict=False)
        )

    plain = extract(body("verger"), f"{URL}verger")
    again = extract(body("verger"), f"{URL}verger", memory=memory())
    assert isinstance(plain, Article)
    assert isinstance(again, Article)
    assert APPEAL in plain.text
    assert APPEAL not in again.text
    assert plain.byline_raw == again.byline_raw == "Par Marie Dupont"
    assert plain.syndication == again.syndication
    assert again.syndication.agency == "AFP"
    view = trace_extraction(body("verger"), f"{URL}verger").view
    assert view
    assert texts(memory(), view) == [APPEAL]


def test_a_redesign_is_learned_and_the_old_site_is_forgotten() -> None:
    old, new = (f"<div class={name}><p>{APPEAL}</p></div>" for name in ("appel", "encart"))
    before = [
        record(page(story_lines(name), foot=old), f"Du {name}", day="2025-01-01", chrome=[APPEAL])
        for name in NAMES
    ]
    after = [
        record(
            page(story_lines(f"{name} neuf"), foot=new, cls="c"),
            f"{name} neuf",
            day="2026-03-01",
            chrome=[APPEAL],
        )
        for name in NAMES[:3]
    ]
    fresh = page(story_lines("jardin"), foot=new, cls="c")
    assert APPEAL not in texts(build_memory(latest_records(before)), fresh)
    latest = latest_records([*before, *after])
    assert APPEAL in texts(build_memory(latest), fresh)
    assert latest == sorted(after, key=latest.index)


def test_the_newest_pages_are_remembered_within_limits() -> None:
    newest = dt.date(2026, 3, 1)
    days = [newest - dt.timedelta(days=n) for n in range(MAX_DAYS + 20)]
    view = page(story_lines("port"))
    records = [
        record(view, f"{day} {n}", day=day.isoformat(), url=f"{URL}{day}-{n}") for day in days for n in (1, 2)
    ]
    latest = latest_records(records)
    assert len(latest) == MAX_PAGES
    assert min(note.day for note in latest) >= (newest - dt.timedelta(days=MAX_PAGES // 2)).isoformat()
    assert len(latest_records([note for note in records if note.url.endswith("-1")])) == MAX_DAYS + 1


def test_a_newer_record_of_a_page_replaces_the_older() -> None:
    older, newer = (
        record(page(story_lines(n)), n, day=day, url=URL)
        for n, day in (("a", "2026-01-01"), ("b", "2026-01-02"))
    )
    assert latest_records([newer, older]) == [newer]


def test_the_same_records_give_the_same_bytes_in_any_order() -> None:
    foot = f"<div class=appel><p>{APPEAL}</p></div>"
    records = [record(page(story_lines(name), foot=foot), f"Du {name}") for name in NAMES]
    data = dump_records(latest_records(records))
    assert dump_records(latest_records(reversed(records))) == data
    again = load_records(data)
    assert dump_records(latest_records(again)) == data
    assert build_memory(again) == build_memory(records)


def test_a_memory_is_plain_json_with_its_keys_in_order() -> None:
    """Its file is named by these bytes, so that every version has to write the same."""
    odd = '\u00e9\u2028\x00\x7f\x1f"\\/\U0001f600'
    key = "0123456789ab" * 2
    notes = [PageRecord(url=odd, day="2026-03-01", title=odd, inside={key: 7}, outside={key: 9})]
    data = dump_records(notes)
    plain = json.dumps(json.loads(data), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    assert data == plain.encode() + b"\n"
    assert json.loads(data)["texts"] == [["0123456789ab", "0123456789ab", 9]]


def test_a_text_that_few_pages_have_in_their_story_counts_as_their_own() -> None:
    place = "a" * 12
    shared = place + "f" * 12
    notes = [
        PageRecord(
            url=f"{n}",
            day="2026-03-01",
            title=f"{n}",
            inside={place + f"{n}" * 12: 100},
            outside={shared: 50},
        )
        for n in (1, 2, 3)
    ]
    notes.append(PageRecord(url="4", day="2026-03-01", title="4", inside={shared: 50}, outside={}))
    assert build_memory(notes).story_places == {place}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 100_000,
        b'{"schema":"another"}',
        b'{"schema":"newscrawl.memory/1","texts":[["a"]],"pages":[]}',
        b'{"schema":"newscrawl.memory/1","texts":[["a","b",1]],"pages":[]}',
        b'{"schema":"newscrawl.memory/1","texts":[[1,2,3]],"pages":[]}',
        b'{"schema":"newscrawl.memory/1","texts":[],"pages":[{"url":"u","day":"d","title":"t","inside":[3],"outside":[]}]}',
    ],
)
def test_data_that_is_no_memory_is_an_error(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 # the message does not matter here
        load_records(data)


def test_no_records_give_no_records() -> None:
    assert latest_records([]) == []
