"""A fault in one entry of a feed costs at most that entry, never those behind it."""

from __future__ import annotations

import time

import pytest

from newscrawl.discovery.broken_entries import iter_markup, mend_entry
from newscrawl.discovery.feeds import read_feed

URL = "https://wharf.example/feed"
ADDRESS = "<link>https://wharf.example/3</link>"
FAULTS = {
    "end tag of the channel": f"<title>Three</title></channel>{ADDRESS}",
    "end tag of the feed": f"<title>Three</title></rss></channel>{ADDRESS}",
    "end tag of another element": f"<title>Three</b></title></i>{ADDRESS}",
    "its own end tag twice": f"<title>Three</title></item></item>{ADDRESS}",
    "dashes in a comment": f"<title>Three</title><!-- desk -- night -->{ADDRESS}",
    "an arrow in a comment": f"<title>Three</title><!---> desk -- <!-- night -->{ADDRESS}",
    "an endless comment": f"<title>Three</title><!-- desk {ADDRESS}",
    "an endless instruction": f"<title>Three</title><?php echo $ad; {ADDRESS}",
    "a bare question mark": f"<title>Three</title><? {ADDRESS}",
    "an open double quote": f'<title>Three</title><enclosure url="https://wharf.example/3.jpg />{ADDRESS}',
    "an open single quote": f'<title>Three</title><enclosure url=\'/3.jpg type="a"/>{ADDRESS}',
    "an open quote in its own tag": f'<title lang="en>Three</title>{ADDRESS}',
    "an endless CDATA": f"<title><![CDATA[Three</title>{ADDRESS}",
    "an element that never ends": f"<title>Three<b>{ADDRESS}",
    "a bare angle": f"<title>Three < four</title>{ADDRESS}",
}


def entry(number: int, inner: str = "") -> str:
    inner = inner or f"<title>Story {number}</title><link>https://wharf.example/{number}</link>"
    return f"<item>{inner}</item>\n"


def feed(third: str) -> bytes:
    entries = entry(1) + entry(2) + third + entry(4) + entry(5) + entry(6)
    return f"<rss version='2.0'><channel><title>Wharf</title>{entries}</channel></rss>".encode()


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_no_entry_is_lost_to_a_fault_in_the_third(fault: str) -> None:
    found = read_feed(feed(entry(3, fault)), URL)
    assert [link.url[-1] for link in found.links] == list("123456"), found
    assert found.outcome in ("ok", "mended")
    assert "broken XML" in (found.note or "")
    assert found.links[2].title
    assert found.links[2].title.startswith("Three")


def test_the_outcome_says_that_entries_were_read_one_by_one() -> None:
    found = read_feed(feed(entry(3, FAULTS["an endless comment"])), URL)
    assert (found.outcome, found.note) == ("mended", "broken XML: its entries were read one by one")


def test_an_entry_without_an_end_tag_keeps_its_neighbours() -> None:
    third = f"<item><title>Three</title>{ADDRESS}\n"
    assert [link.url[-1] for link in read_feed(feed(third), URL).links] == list("123456")


@pytest.mark.parametrize(
    "fault",
    [
        '<title>Three</title></feed><link href="https://wharf.example/3"/>',
        '<title>Three</title><!-- a <link href="https://wharf.example/3"/>',
        '<title>Three</title><? <link href="https://wharf.example/3"/>',
        '<title>Three</title><link rel="alternate" href="https://wharf.example/3 />',
    ],
)
def test_atom_entries_are_read_one_by_one_too(fault: str) -> None:
    def one(number: int) -> str:
        return f'<entry><title>S</title><link href="https://wharf.example/{number}"/></entry>'

    body = f'<feed xmlns="http://www.w3.org/2005/Atom">{one(1)}{one(2)}<entry>{fault}</entry>{one(4)}{one(5)}</feed>'
    assert [link.url[-1] for link in read_feed(body.encode(), URL).links] == list("12345")


def test_rdf_entries_stay_beside_their_channel() -> None:
    items = "".join(entry(number) for number in (4, 5))
    body = (
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">'
        f"<channel><title>Wharf</title></channel>{entry(1)}{entry(2)}"
        f"{entry(3, FAULTS['an endless comment'])}{items}</rdf:RDF>"
    )
    assert [link.url[-1] for link in read_feed(body.encode(), URL).links] == list("12345")


def test_a_sound_feed_that_shows_the_code_of_a_feed_is_left_alone() -> None:
    code = entry(9) + entry(9)
    third = entry(3, f"<title>How feeds look</title>{ADDRESS}<description><![CDATA[{code}]]></description>")
    found = read_feed(feed(third), URL)
    assert ([link.url[-1] for link in found.links], found.outcome, found.note) == (list("123456"), "ok", None)


def test_a_feed_without_addresses_is_not_taken_apart() -> None:
    found = read_feed(b"<rss><channel><item><title>a<b></title></item></channel></rss>", URL)
    assert found.outcome == "malformed"


def test_a_tag_keeps_its_values_when_a_quote_is_closed() -> None:
    assert mend_entry("<item><a href=\"x y='z'>t</item>") == '<item><a href="x" y="z">t</a></item>'


@pytest.mark.parametrize(
    "piece", ["<!--", "<?", "<![CDATA[", "<item>", "</item>", "<a b='", "</item> <item>"]
)
def test_taking_a_feed_apart_takes_linear_time(piece: str) -> None:
    text = piece * (200_000 // len(piece))
    began = time.process_time()
    assert list(iter_markup(text))
    read_feed(f"<rss><channel><item><title></b>{text}".encode(), URL)
    assert time.process_time() - began < 5
