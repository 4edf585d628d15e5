"""Following pages: which links lead to pages of the same story, and how the walk through them ends."""

from dataclasses import replace

import pytest
from lxml.html import document_fromstring

from newscrawl.extraction.following_pages import (
    MAX_PAGES,
    PageLinks,
    StoryPlace,
    StoryWalk,
    digest_paragraphs,
    is_same_story,
    read_page_links,
)
from newscrawl.extraction.head import read_head
from newscrawl.extraction.view import build_view
from newscrawl.outlet import Rule

SITE = "https://echo.example"
TITLE = '<meta property="og:title" content="Le pont rouvre aux camions">'


def read(path: str, *, head: str = "", body: str = "x", place: StoryPlace | None = None) -> PageLinks:
    tree = document_fromstring(f"<html><head>{head}</head><body>{body}</body></html>")
    page_head = read_head(tree, SITE + path, {})
    blocks = build_view(tree, page_head, Rule()).visible_blocks
    return read_page_links(page_head, tree, blocks, place)


def pages(path: str, *, head: str = "", body: str = "x") -> dict[int, str]:
    return {number: url.removeprefix(SITE) for number, url in read(path, head=head, body=body).urls.items()}


@pytest.mark.parametrize(
    ("path", "following", "number"),
    [
        ("/recit", "?page=2", 2),
        ("/recit?id=7", "?id=7&page=2", 2),
        ("/?p=712", "/?p=712&page=2", 2),
        ("/spip.php?article41", "spip.php?article41&artpage=2-3", 2),
        ("/recit/", "/recit/2/", 2),
        ("/recit/", "2/", 2),
        ("/recit/", "/recit/page/2/", 2),
        ("/recit.html", "/recit-page-2.html", 2),
        ("/recit.html", "recit_2.html", 2),
        ("/recit,81.html", "/recit,81,2.html", 2),
        ("/un-recit", "/un-recit?start=1", 2),
        ("/un-recit", "/un-recit?showall=&limitstart=2", 3),
        ("/2025/02/03/", "/2025/02/03/2/", 2),
        ("/récit", "/récit/2", 2),
        ("/recit?utm_source=fil", "/recit?page=2", 2),
    ],
)
@pytest.mark.parametrize("place", ["head", "link"])
def test_an_address_with_a_page_number_and_a_relation_are_two_signs(
    path: str, following: str, number: int, place: str
) -> None:
    head = f'<link rel="next" href="{following}">' if place == "head" else ""
    body = f'<p><a rel="next" href="{following}">→</a></p>' if place == "link" else "x"
    assert list(pages(path, head=head, body=body)) == [number]


@pytest.mark.parametrize(
    "body",
    [
        '<div class="page-links">Pages : <span>1</span> <a href="/recit/2/">&nbsp;2&nbsp;</a></div>',
        '<p class="post-nav-links">Pages: <a href="/recit/2/"><span>2</span></a></p>',
        '<ul class="pagination"><li><a href="/recit/2/">Deuxième partie : la crue</a></li></ul>',
        '<p>Page 1 of 3 <a href="/recit/2/">Next</a></p>',
        '<p>Page 1 sur 3 <a href="/recit/2/">Page suivante »</a></p>',
        '<p><a href="/recit/2/">Suite</a></p>',
        '<p><a href="/recit/2/">Lire la suite...</a></p>',
        '<p><a href="/recit/2/">Weiter</a></p>',
        '<p><a href="/recit/2/">page 2</a></p>',
        '<p><a href="/recit/2/">[2]</a></p>',
        '<p><a href="/recit/2/" aria-label="Next page"><img src="a.png"></a></p>',
    ],
)
def test_words_and_places_that_turn_pages(body: str) -> None:
    assert pages("/recit/", body=body) == {2: "/recit/2/"}


def test_pagination_gives_all_pages_in_order() -> None:
    links = "".join(f'<a href="/recit/{number}/">{number}</a>' for number in (1, 3, 2))
    found = read("/recit/2/", body=f'<div class="page-links">{links}</div>')
    assert found.place == StoryPlace(number=2, base=f"{SITE}/recit")
    assert [url.removeprefix(SITE) for url in found.urls.values()] == ["/recit/1/", "/recit/3/"]


def test_readers_count_from_one_where_addresses_count_from_zero() -> None:
    links = "".join(f'<li><a href="?page={number}">{number + 1}</a></li>' for number in range(3))
    body = f'<ul class="pager">{links}</ul>'
    assert pages("/recit", body=body) == {2: "/recit?page=1", 3: "/recit?page=2"}
    found = read("/recit?page=1", body=body)
    assert (found.place.number, sorted(found.urls)) == (2, [1, 3])


@pytest.mark.parametrize(
    ("path", "head", "body"),
    [
        # another story, under each name that themes have for it
        ("/recit", '<link rel="next" href="/autre-recit">', ""),
        ("/recit/", '<link rel="next" title="La crue" href="/la-crue/">', ""),
        ("/recit/", "", '<nav class="post-navigation"><a rel="next" href="/la-crue/">La crue</a></nav>'),
        ("/recit/", "", '<div class="pagination"><a href="/la-crue/2/">2</a></div>'),
        ("/recit/", "", '<a class="next" href="/recit-du-lac/2/">Next story</a>'),
        ("/2025/02/03", '<link rel="next" href="/2025/02/04">', ""),
        ("/matin/2025/02/01", '<link rel="next" href="/matin/2025/02/02">', ""),
        ("/horoscope/2025/1/", '<link rel="next" href="/horoscope/2025/2/">', ""),
        (
            "/actualites/45",
            '<link rel="next" href="/actualites/46"><link rel="prev" href="/actualites/44">',
            "",
        ),
        ("/recit", '<link rel="next" href="https://lac.example/recit?page=2">', ""),
        # the address alone
        ("/recit/", "", '<p>Voir aussi <a href="/recit/2/">notre récit du lac en images</a></p>'),
        # comments
        ("/recit/", "", '<div id="comments"><a rel="next" href="/recit/2/">Next</a></div>'),
        ("/recit/", "", '<div class="pagination"><a href="/recit/comment-page-2/#comments">2</a></div>'),
        ("/recit/", '<link rel="next" href="/recit/comment-page-2/">', ""),
        ("/recit", "", '<div class="pagination"><a href="/recit?page=2#comments">2</a></div>'),
        ("/recit/", "", '<div class="pagination"><a href="/recit/?cpage=2">2</a></div>'),
        # what loads more of something else
        ("/recit/", "", '<div class="related-posts"><a class="next" href="/recit/page/2/">Next</a></div>'),
        ("/recit/", "", '<div class="infinite-scroll"><a href="/recit/page/2/">2</a></div>'),
        ("/recit/", "", '<div class="pagination"><a href="/page/2/">2</a></div>'),
        ("/recit/", "", '<div class="pagination"><a href="/sport/page/2/">2</a></div>'),
        # a number that readers see and another in the address
        ("/recit", "", '<div class="pagination"><a href="?page=7">2</a><a href="?page=8">4</a></div>'),
        # places on this page
        ("/recit", "", '<div class="pagination"><a href="#2">2</a><a href="/recit#3">3</a></div>'),
        ("/recit", "", '<div class="pagination"><a href="javascript:go(2)">2</a></div>'),
        ("/2", '<link rel="next" href="/3">', ""),
        ("/", '<link rel="next" href="/page/2/">', ""),
    ],
)
def test_no_page_of_the_story(path: str, head: str, body: str) -> None:
    assert pages(path, head=head, body=body or "x") == {}


def test_a_story_whose_address_ends_in_a_small_number_is_a_first_page() -> None:
    found = read("/annee/12", body='<div class="pager"><a href="/annee/12?page=2">2</a></div>')
    assert (found.place.number, list(found.urls)) == (1, [2])


def test_broken_and_endless_links_cost_nothing() -> None:
    links = "".join(f'<a href="/recit/{number}/">{number}</a>' for number in range(2, 20_000))
    body = f'<div class="pager"><a href="http://[::1/recit/2/">2</a>{links}</div>'
    assert max(pages("/recit/", body=body)) == 99


FIRST = read("/recit/", head=TITLE, body='<div class="page-links"><a href="/recit/2/">2</a></div>')


def following(
    number: int = 2, *, path: str = "", head: str = TITLE, body: str = "", long: str = "Texte neuf. " * 9
) -> PageLinks:
    place = StoryPlace(number=number, base=FIRST.place.base)
    content = f"<p>{long}</p>{body}" if long else body or "x"
    return read(path or f"/recit/{number}/", head=head, body=content, place=place)


BACK = '<div class="page-links"><a href="/recit/">1</a></div>'


@pytest.mark.parametrize(
    "page",
    [
        following(head="<title>Le pont rouvre aux camions</title>"),
        following(head="<title>Le pont rouvre aux camions - Page 2 sur 3</title>"),
        following(head="<title>Le pont rouvre aux camions (2/3)</title>"),
        following(head='<meta property="og:title" content="Le pont rouvre aux camions | Page 2">'),
        following(head=f'<title>La foule</title><link rel="canonical" href="{SITE}/recit/">', body=BACK),
        following(head=f'<title>La foule</title><link rel="canonical" href="{SITE}/recit/2/">', body=BACK),
        following(head="<title>La foule</title>", body=BACK),
    ],
)
def test_the_same_story_by_its_headline_or_its_address(page: PageLinks) -> None:
    assert is_same_story(FIRST, page)


@pytest.mark.parametrize(
    "page",
    [
        following(head="<title>La foule attend</title>"),
        following(head=f'<title>La foule</title><link rel="canonical" href="{SITE}/la-foule/">', body=BACK),
        following(head="<title>Accueil - Écho</title>", path="/"),
        following(head="<title>Écho</title>"),
        following(head=""),
    ],
)
def test_another_story(page: PageLinks) -> None:
    assert not is_same_story(FIRST, page)


def test_stories_that_are_numbered_themselves_must_have_the_same_headline() -> None:
    first = read("/billet/1", head="<title>La pluie du matin</title><link rel=next href=/billet/2>")
    assert list(first.urls) == [2]
    back = '<a rel="prev" href="/billet/1">←</a>'
    other = read(
        "/billet/2",
        head="<title>La chaleur du soir</title>",
        body=back,
        place=StoryPlace(number=2, base=first.place.base),
    )
    assert not is_same_story(first, other)


@pytest.mark.parametrize(
    "body",
    [
        '<p><a href="/bulletin_02">Next</a></p>',
        '<p><a href="/bulletin_02">Suivant</a></p>',
        '<div class="pagination"><a href="/bulletin_02">Le bulletin du soir</a></div>',
        '<p>Page 3 of 9 <a href="/bulletin_02">Next</a></p>',
    ],
)
@pytest.mark.parametrize("first", ["/bulletin_01", "/bulletin/1", "/bulletin,1.html"])
def test_numbered_stories_with_links_to_each_other_are_no_pages_of_each_other(first: str, body: str) -> None:
    second = first.replace("1", "2", 1) if "_" not in first else "/bulletin_02"
    assert pages(first, head=TITLE, body=body.replace("/bulletin_02", second)) == {}
    back = body.replace("/bulletin_02", first).replace("Next", "Previous")
    assert pages(second, head=TITLE, body=back) == {}


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ('<link rel="next" href="/bulletin_02">', "x"),
        ("", '<a rel="next" href="/bulletin_02">La suite</a>'),
        ("", '<p>1 <a href="/bulletin_02">2</a></p>'),
        ("", '<p>Page 1 sur 2 <a href="/bulletin_02">Suivant</a></p>'),
    ],
)
def test_pages_with_bare_numbers_are_joined_if_the_first_says_so(head: str, body: str) -> None:
    assert pages("/bulletin_01", head=TITLE + head, body=body) == {2: "/bulletin_02"}


@pytest.mark.parametrize("path", ["/recit?page=1", "/recit/page/1/", "/recit/page-1/", "/recit-page-1.html"])
def test_a_number_that_is_called_that_of_a_page_says_so(path: str) -> None:
    body = f'<p><a href="{path.replace("1", "2")}">Next</a></p>'
    assert list(pages(path, head=TITLE, body=body)) == [2]


@pytest.mark.parametrize(("day", "is_same"), [("2026-03-01", True), ("2026-03-02", False)])
def test_numbered_stories_of_two_days_are_two(day: str, is_same: bool) -> None:
    def bulletin(number: int, published: str, place: StoryPlace | None = None) -> PageLinks:
        date = f'<meta property="article:published_time" content="{published}T06:00:00Z">'
        links = f'<link rel="next" href="/bulletin_0{number + 1}">'
        return read(f"/bulletin_0{number}", head=TITLE + date + links, place=place)

    first = bulletin(1, "2026-03-01")
    assert list(first.urls) == [2]
    second = bulletin(2, day, StoryPlace(number=2, base=first.place.base))
    assert is_same_story(first, second) is is_same


def test_a_page_behind_a_redirect_leads_on() -> None:
    links = f'<div class="page-links"><a href="{SITE}/recit/">1</a> <a href="{SITE}/recit/3/">3</a></div>'
    found = following(2, path="/une-adresse-toute-autre/du-second-feuillet/", body=links)
    assert found.urls == {1: f"{SITE}/recit/", 3: f"{SITE}/recit/3/"}


def walk_through(found: dict[int, PageLinks | None], first: PageLinks = FIRST) -> StoryWalk:
    walk = StoryWalk(first)
    while step := walk.next_page():
        page = found.get(step[0])
        if page is None:
            walk.miss(step[0])
        else:
            walk.add(step[0], page)
    return walk


def chain(number: int, *, more: bool = True, long: str = "") -> PageLinks:
    """A page that names the page before and the page after it, and no other."""
    links = f'<link rel="prev" href="/recit/{number - 1}/">'
    links += f'<link rel="next" href="/recit/{number + 1}/">' if more else ""
    return following(number, head=TITLE + links, long=long or f"Le texte de la page {number} est neuf. " * 5)


def test_each_page_may_name_the_next_alone() -> None:
    walk = walk_through({number: chain(number, more=number < 30) for number in range(2, 31)})
    assert (sorted(walk.read), walk.missing, walk.flags) == (list(range(2, 31)), [], [])


def test_a_missing_page_is_flagged_and_those_behind_it_are_read_where_another_page_names_them() -> None:
    numbered = "".join(f'<a href="/recit/{number}/">{number}</a>' for number in (2, 3))
    first = read("/recit/", head=TITLE, body=f'<div class="page-links">{numbered}</div>')
    walk = walk_through({2: None, 3: chain(3, more=False)}, first)
    assert (walk.read, walk.missing, walk.flags) == ({3}, [2], ["pages_missing"])
    walk = walk_through({2: chain(2), 3: None})
    assert (walk.read, walk.missing, walk.flags) == ({2}, [3], ["pages_missing"])


def test_a_next_link_to_another_story_ends_the_walk() -> None:
    walk = walk_through({2: following(head="<title>La foule attend</title>")})
    assert (walk.read, walk.missing, walk.flags) == (set(), [], ["pages_unrelated"])


def test_a_loop_ends_the_walk() -> None:
    long = "Toujours le même texte, quelle que soit la page demandée. " * 3
    first = read("/recit/", head=TITLE, body=f'<p>{long}</p><a rel="next" href="/recit/2/">→</a>')
    walk = walk_through({2: chain(2, long=long), 3: chain(3)}, first)
    assert (walk.read, walk.missing, walk.flags) == (set(), [], ["pages_repeated"])
    back = following(2, head=f'{TITLE}<link rel="next" href="/recit/">')
    walk = walk_through({2: back})
    assert (walk.read, walk.flags) == ({2}, [])
    itself = following(2, head=f'{TITLE}<link rel="next" href="/recit/2/">')
    assert walk_through({2: itself}).read == {2}


def test_a_page_with_the_story_again_beside_something_else_ends_the_walk() -> None:
    text = "Le paragraphe {} du récit dit tout ce qui s'est passé ce jour-là sur le pont."
    story = [text.format(number) for number in range(4)]
    links = "".join(f'<a href="?page={number}">{number + 1}</a>' for number in range(40))

    def show(number: int, place: StoryPlace | None = None) -> PageLinks:
        lines = "".join(map("<p>{}</p>".format, story))
        list_page = f"<p>La page {number} d'une liste d'autres récits, qui change à chaque fois.</p>"
        pager = f'<div class="view">{list_page}<div class="pager">{links}</div></div>'
        return read(
            f"/recit?page={number - 1}" if place else "/recit", head=TITLE, body=lines + pager, place=place
        )

    first = replace(show(1), story=digest_paragraphs(story))
    walk = walk_through({2: show(2, StoryPlace(number=2, base=first.place.base))}, first)
    assert len(first.urls) == 39
    assert (walk.read, walk.missing, walk.flags) == (set(), [], ["pages_repeated"])


def test_a_story_without_end_is_bounded_and_flagged() -> None:
    walk = walk_through({number: chain(number) for number in range(2, 99)})
    assert (max(walk.read), walk.flags) == (MAX_PAGES, ["pages_missing"])


def test_a_later_page_that_stands_alone_is_a_part() -> None:
    alone = read("/recit/2/", head=TITLE, body='<div class="page-links"><a href="/recit/">1</a></div>')
    walk = StoryWalk(alone)
    assert (walk.next_page(), walk.flags) == (None, ["pages_missing"])
