"""The frontier hands out each page once, whatever it is called."""

from newscrawl.items import Link
from newscrawl.state.frontier import MemoryFrontier, PlannedFrontier


def link(url: str) -> Link:
    return Link(url=url, via="feed")


def test_each_page_is_handed_out_once_in_the_order_found() -> None:
    frontier = MemoryFrontier()
    assert frontier.add([link("http://a/1"), link("http://a/2?utm_source=x"), link("http://A/2")]) == 2
    assert [waiting.url for waiting in frontier.take(1)] == ["http://a/1"]
    assert frontier.add([link("http://a/1#top")]) == 0
    assert [waiting.url for waiting in frontier.take(9)] == ["http://a/2?utm_source=x"]
    assert frontier.take(9) == []


def test_ids_in_the_query_are_pages_of_their_own() -> None:
    frontier = MemoryFrontier()
    assert frontier.add([link("http://a/spip.php?article1"), link("http://a/spip.php?article2")]) == 2


def test_a_source_without_end_does_not_fill_the_memory() -> None:
    frontier = MemoryFrontier(max_waiting=3)
    assert frontier.add(link(f"http://a/{n}") for n in range(10)) == 3
    assert frontier.take(1)
    assert frontier.add([link("http://a/9")]) == 1


def test_counts_say_where_every_link_is() -> None:
    frontier = MemoryFrontier()
    frontier.add([link(f"http://a/{n}") for n in range(4)])
    frontier.take(3)
    frontier.finish("http://a/0", "article")
    frontier.finish("http://a/1", "http_404")
    assert frontier.counts() == {"pending": 1, "fetching": 1, "article": 1, "http_404": 1}


def test_a_plan_is_kept_to_whatever_is_found() -> None:
    frontier = PlannedFrontier([link("http://a/1"), link("http://a/2")], {})
    assert frontier.add([link("http://a/3"), link("http://a/1")]) == 0
    assert [waiting.url for waiting in frontier.take(9)] == ["http://a/1", "http://a/2"]
    assert frontier.take(9) == []


def test_an_article_that_is_withdrawn_is_counted_as_what_it_is() -> None:
    frontier = MemoryFrontier()
    frontier.add([link("http://a/1"), link("http://a/2")])
    for waiting in frontier.take(2):
        frontier.finish(waiting.url, "article")
    frontier.withdraw("http://a/1", "duplicate")
    assert frontier.counts() == {"pending": 0, "fetching": 0, "article": 1, "duplicate": 1}
