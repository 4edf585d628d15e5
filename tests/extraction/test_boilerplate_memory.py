"""What recurs over a site's pages is chrome; what is told again is not."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from lxml.html import document_fromstring

from newscrawl.extraction.boilerplate import (
    MAX_DAYS,
    MAX_PAGES,
    Memory,
    PageNote,
    memory_of,
    note_of,
    notes_of_json,
    notes_to_json,
    remembered,
)
from newscrawl.extraction.extract import explained, extract
from newscrawl.extraction.head import head_of
from newscrawl.extraction.view import View, view_of
from newscrawl.items import Article
from newscrawl.outlet import Rule

URL = "https://echo.example/"
APPEAL = "Notre journal vit de ses lecteurs : abonnez-vous pour un euro le premier mois, sans engagement."
NAMES = ("port", "pont", "marché", "lycée", "stade", "moulin", "canal", "théâtre", "hospice", "verger")


def tale(name: str) -> list[str]:
    """A story of its own."""
    return [
        f"Le conseil a parlé du {name} mardi soir, devant une salle pleine de riverains inquiets.",
        f"Les travaux du {name} doivent commencer avant l'hiver, selon l'adjoint chargé du dossier.",
        f"Personne ne s'est opposé au {name}, mais plusieurs ont demandé qui paierait la facture.",
    ]


def page(story: Sequence[str], *, foot: str = "", middle: str = "", cls: str = "texte") -> View:
    """A page whose story stands in a container of its own."""
    lines = [f"<p>{line}</p>" for line in story]
    if middle:
        lines.insert(2, middle)
    html = f"<body><nav>Accueil</nav><div class={cls}>{''.join(lines)}</div>{foot}</body>"
    tree = document_fromstring(html)
    return view_of(tree, head_of(tree, URL, {}), Rule())


def noted(
    view: View, title: str, *, chrome: Iterable[str] = (), day: str = "2026-03-01", url: str = ""
) -> PageNote:
    """The note of a page on which all but the menu and `chrome` looked like the story."""
    outside = {"Accueil", *chrome}
    inside = [block.text not in outside for block in view.blocks]
    return note_of(view, inside, url=url or URL + title.replace(" ", "-"), day=day, title=title)


def texts(memory: Memory, view: View) -> list[str]:
    """The lines of a page that the memory knows."""
    return [view.blocks[at].text for at in sorted(memory.recurring(view))]


def learnt(count: int, **parts: str) -> Memory:
    """What this many pages teach that have a story of their own each."""
    return memory_of(noted(page(tale(name), **parts), f"Des nouvelles du {name}") for name in NAMES[:count])


def test_three_pages_are_enough_and_two_are_not() -> None:
    foot = f"<div class=appel><p>{APPEAL}</p></div>"
    view = page(tale("verger"), foot=foot)
    assert texts(learnt(3, foot=foot), view) == ["Accueil", APPEAL]
    assert texts(learnt(2, foot=foot), view) == []


def test_a_text_at_another_kind_of_place_is_another() -> None:
    memory = learnt(5, foot=f"<div class=appel><p>{APPEAL}</p></div>")
    assert APPEAL not in texts(memory, page([*tale("verger"), APPEAL]))


def test_numbers_and_ids_do_not_make_another_place() -> None:
    feet = [f"<div id=n{n} class='appel item-{n}'><p>{APPEAL}</p></div>" for n in range(5)]
    notes = [
        noted(page(tale(name), foot=foot), f"Du {name}") for name, foot in zip(NAMES, feet[:4], strict=False)
    ]
    assert APPEAL in texts(memory_of(notes), page(tale("verger"), foot=feet[4]))


def test_what_stands_amid_a_story_must_be_usual_there() -> None:
    middle = f"<p>{APPEAL}</p>"
    view = page(tale("verger"), middle=middle)
    assert APPEAL in texts(learnt(5, middle=middle), view)
    some = [noted(page(tale(name), middle=middle), f"Du {name}") for name in NAMES[:4]]
    more = [noted(page(tale(f"{name} neuf")), f"Du {name} neuf") for name in NAMES]
    assert APPEAL not in texts(memory_of([*some, *more]), view)


def test_a_sub_headline_of_many_stories_stays() -> None:
    middle = "<h2>Ce qu'il faut retenir</h2>"
    assert texts(learnt(6, middle=middle), page(tale("verger"), middle=middle)) == ["Accueil"]


def test_a_live_blog_at_many_addresses_is_one_story() -> None:
    entries = [line for name in NAMES for line in tale(name)]
    live = [
        noted(page(entries[: 9 + 3 * n]), "Élections en direct : la journée", url=f"{URL}direct/{n}")
        for n in range(6)
    ]
    assert texts(memory_of(live), page(entries)) == []


def test_what_a_live_blog_repeats_from_day_to_day_is_its_own() -> None:
    known = tale("port")
    live = [
        noted(page([*known, *tale(f"{name} neuf")]), f"Tempête sur la côte, en direct : jour {day}")
        for day, name in enumerate(NAMES[1:4])
    ]
    others = [noted(page(tale(name)), f"Du {name}") for name in NAMES[4:7]]
    view = page([*known, *tale("verger")])
    assert texts(memory_of([*live, *others]), view) == ["Accueil"]
    elsewhere = [noted(page([*known, *tale(f"{name} neuf")]), name) for name in NAMES[1:4]]
    assert texts(memory_of([*elsewhere, *others]), view) == ["Accueil", *known]


def test_a_story_printed_again_under_other_headlines_is_one_story() -> None:
    again = [noted(page(tale("port")), title) for title in ("Le port", "Une soirée agitée", "Qui paiera ?")]
    others = [noted(page(tale(name)), f"Du {name}") for name in NAMES[1:]]
    assert texts(memory_of([*again, *others]), page(tale("port"))) == ["Accueil"]


def test_a_rare_line_at_the_edge_of_a_story_stays_and_a_usual_one_goes() -> None:
    edge = "Cet article a été écrit avec le concours de la rédaction de nos confrères du littoral."
    view = page([*tale("verger"), edge])
    some = [noted(page([*tale(name), edge]), f"Du {name}") for name in NAMES[:4]]
    more = [noted(page(tale(f"{name} voisin")), f"Le {name} voisin") for name in NAMES]
    even = [noted(page(tale(f"{name} d'ici")), f"Ici, le {name}") for name in NAMES]
    assert edge in texts(memory_of([*some, *more]), view)
    assert edge not in texts(memory_of([*some, *more, *even]), view)


def test_a_short_line_amid_a_story_must_be_on_nearly_all_pages() -> None:
    middle = "<p><b>Une enquête en cours</b></p>"
    view = page(tale("verger"), middle=middle)
    some = [noted(page(tale(name), middle=middle), f"Du {name}") for name in NAMES[:6]]
    more = [noted(page(tale(f"{name} voisin")), f"Le {name} voisin") for name in NAMES[:4]]
    assert texts(memory_of(some), view) == ["Accueil", "Une enquête en cours"]
    assert texts(memory_of([*some, *more]), view) == ["Accueil"]


def test_a_text_that_is_most_of_a_page_stays() -> None:
    long = f"<div class=appel><p>{APPEAL * 9}</p></div>"
    memory = memory_of(
        noted(page(tale(name), foot=long), f"Du {name}", chrome=[APPEAL * 9]) for name in NAMES[:5]
    )
    assert texts(memory, page(["Une brève d'une ligne."], foot=long)) == ["Accueil"]


def test_a_series_box_amid_a_few_stories_stays() -> None:
    middle = "<p>Premier volet : comment le fleuve a changé de lit en trente ans, et ce qu'il a emporté.</p>"
    series = [noted(page(tale(name), middle=middle), f"Du {name}") for name in NAMES[:4]]
    others = [noted(page(tale(f"{name} voisin")), f"Le {name} voisin") for name in NAMES]
    assert texts(memory_of([*series, *others]), page(tale("verger"), middle=middle)) == ["Accueil"]


def test_the_story_itself_is_never_the_lesser_part() -> None:
    foot = "".join(f"<div class=appel><p>{APPEAL} {n}</p></div>" for n in range(9))
    memory = memory_of(noted(page(tale(name), foot=foot, cls="c"), f"Du {name}") for name in NAMES[:5])
    view = page(["Une brève d'une ligne."], foot=foot, cls="c")
    assert not any(text.startswith(APPEAL) for text in texts(memory, view))


def test_a_page_of_nothing_but_known_texts_is_left_alone() -> None:
    foot = f"<div class=appel><p>{APPEAL}</p></div>"
    assert texts(learnt(5, foot=foot), page([], foot=foot)) == []
    other = foot.replace("un euro", "deux euros")
    rare = noted(page(tale("jardin"), foot=other), "Du jardin")
    usual = [noted(page(tale(name), foot=foot), f"Du {name}") for name in NAMES[:5]]
    left = page([], foot=foot + foot.replace("un euro", "trois euros"))
    assert texts(memory_of([*usual, rare]), left) == []


def test_what_tells_who_wrote_it_is_still_heard() -> None:
    def body(name: str) -> bytes:
        told = "".join(f"<p>{line}</p>" for line in tale(name))
        signed = f"<p>Par Marie Dupont</p>{told}<p>{APPEAL}</p><p>Source : AFP</p>"
        return f"<html><body><article><h1>Du {name}</h1>{signed}</article></body></html>".encode()

    def memory() -> Memory:
        found = [explained(body(name), f"{URL}{name}") for name in NAMES[:4]]
        views = [one.view for one in found if one.view]
        return memory_of(
            noted(view, f"Du {name}", url=URL + name) for view, name in zip(views, NAMES, strict=False)
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
    view = explained(body("verger"), f"{URL}verger").view
    assert view
    assert texts(memory(), view) == [APPEAL]


def test_a_redesign_is_learned_and_the_old_site_forgotten() -> None:
    old, new = (f"<div class={name}><p>{APPEAL}</p></div>" for name in ("appel", "encart"))
    before = [
        noted(page(tale(name), foot=old), f"Du {name}", day="2025-01-01", chrome=[APPEAL]) for name in NAMES
    ]
    after = [
        noted(
            page(tale(f"{name} neuf"), foot=new, cls="c"), f"{name} neuf", day="2026-03-01", chrome=[APPEAL]
        )
        for name in NAMES[:3]
    ]
    fresh = page(tale("jardin"), foot=new, cls="c")
    assert APPEAL not in texts(memory_of(remembered(before)), fresh)
    kept = remembered([*before, *after])
    assert APPEAL in texts(memory_of(kept), fresh)
    assert kept == sorted(after, key=kept.index)


def test_the_newest_pages_are_remembered_within_limits() -> None:
    newest = dt.date(2026, 3, 1)
    days = [newest - dt.timedelta(days=n) for n in range(MAX_DAYS + 20)]
    view = page(tale("port"))
    notes = [
        noted(view, f"{day} {n}", day=day.isoformat(), url=f"{URL}{day}-{n}") for day in days for n in (1, 2)
    ]
    kept = remembered(notes)
    assert len(kept) == MAX_PAGES
    assert min(note.day for note in kept) >= (newest - dt.timedelta(days=MAX_PAGES // 2)).isoformat()
    assert len(remembered([note for note in notes if note.url.endswith("-1")])) == MAX_DAYS + 1


def test_a_page_read_again_replaces_its_older_note() -> None:
    older, newer = (
        noted(page(tale(n)), n, day=day, url=URL) for n, day in (("a", "2026-01-01"), ("b", "2026-01-02"))
    )
    assert remembered([newer, older]) == [newer]


def test_the_same_notes_give_the_same_bytes_in_any_order() -> None:
    foot = f"<div class=appel><p>{APPEAL}</p></div>"
    notes = [noted(page(tale(name), foot=foot), f"Du {name}") for name in NAMES]
    data = notes_to_json(remembered(notes))
    assert notes_to_json(remembered(reversed(notes))) == data
    again = notes_of_json(data)
    assert notes_to_json(remembered(again)) == data
    assert memory_of(again) == memory_of(notes)
