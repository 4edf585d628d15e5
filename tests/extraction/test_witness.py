"""A story that a feed or an API gives too: how far it is believed, and what it decides."""

from __future__ import annotations

import time
from dataclasses import replace
from html import escape
from typing import Any

import numpy as np
import pytest
from lxml.html import document_fromstring

from newscrawl.extraction.blocks import build_outline
from newscrawl.extraction.explain import build_explanation
from newscrawl.extraction.extract import extract, trace_extraction
from newscrawl.extraction.witness import Witness, comparable_words, read_witness
from newscrawl.extraction.witness_alignment import align_blocks
from newscrawl.extraction.witness_vote import BlockAgreement, WitnessVote
from newscrawl.items import Article, KindChars
from newscrawl.outlet import Outlet

URL = "https://lantern.example/2026/03/04/ferry-bell"
TITLE = "The ferry bell rings again after eleven silent years"
STORY = [
    "The bell of the river ferry rang on Tuesday for the first time in eleven years, and the quay came out.",
    "Its clapper had been found in a shed behind the chandler's, wrapped in a sail that nobody could date.",
    "“We thought it had gone down with the old pontoon,” said Maud Ferrant, who keeps the ferry's accounts.",
    "The blacksmith of the old town needed nine days for a new pin, because the old drawings were in inches.",
    "Children from the school by the lock were let to ring it in turn, three strokes each, until the wind.",
    "The council will pay for the rope. It has asked the ferryman not to ring before seven in the morning.",
    "He has agreed, except on the day of the regatta, when the bell has always been rung at dawn.",
    "A new inscription is planned for the autumn, once the foundry knows how to spell the river's name.",
]
BOX = [
    "Last summer the swimming club moved its changing huts to the far bank, which pleased the herons.",
    "Members now row across with their towels, and the club has bought a second boat for the winter months.",
]
CAPTION = "The ferryman holds the rope while the bell swings above the heads of the crowd on the lower quay."
BACK = '<p>The post <a href="/x">The ferry bell</a> appeared first on <a href="/">Lantern</a>.</p>'


def paragraphs(lines: list[str]) -> str:
    return "".join(f"<p>{escape(line)}</p>\n" for line in lines)


def page(story: str) -> str:
    return (
        f"<html lang=en><head><title>{TITLE}</title><meta property=og:title content='{TITLE}'></head><body>"
        f"<nav><a href=/a>News</a> <a href=/b>River</a></nav><article><h1>{TITLE}</h1>"
        f"<div class=entry-content>{story}</div></article>"
        "<footer><p>© Lantern Press, the paper of the lower valley</p></footer></body></html>"
    )


PLAIN = page(paragraphs(STORY))
BOXED = page(
    paragraphs(STORY[:2])
    + f"<div class=pic><p>{CAPTION}</p></div>"
    + paragraphs(STORY[2:5])
    + f"<div class=inset>{paragraphs(BOX)}</div>"
    + paragraphs(STORY[5:])
)


def read(html: str, witness: Any = None) -> Article:
    result = extract(html, URL, witness=witness)
    assert isinstance(result, Article)
    return result


def texts(article: Article) -> list[str]:
    return [block.text for block in article.blocks]


def test_spellings_of_typographic_filters_are_the_same_words() -> None:
    plain = """"It's 5 o'clock" -- the cœur of the office... of 1 000 fi"""
    curly = "“It’s 5\u00a0o‘clock” – the cOEur of the o\ufb03ce… of 1\u202f000\u2060 ﬁ"
    assert comparable_words(plain) == comparable_words(curly)
    assert comparable_words("渡し船 の鐘") == tuple("渡し船の鐘")


def test_shortcodes_leave_their_captions_and_brackets_of_the_text_stay() -> None:
    html = (
        '[caption id="attachment_7" align="alignnone"]<img src=a.jpg> The bell at noon[/caption]\n\n'
        "[vc_row][vc_column_text width='1/2']<p>The mate [sic] rang it.</p>[/vc_column_text][/vc_row]"
        "[embed]https://video.example/7[/embed][gallery ids='1,2']"
    )
    units = read_witness(Witness(html=html)).units
    assert [(unit.kind, unit.text) for unit in units] == [
        ("caption", "The bell at noon"),
        ("p", "The mate [sic] rang it."),
    ]


@pytest.mark.parametrize(
    "link",
    [
        BACK,
        "<p>L’article <a href=/x>La cloche</a> est apparu en premier sur <a href=/>La Lanterne</a>.</p>",
        "<p>L'article La cloche est apparu en premier sur La Lanterne.</p>",
        "<p>The article The bell was published first on Lantern.</p>",
    ],
)
def test_the_link_back_to_the_page_is_no_part_of_it(link: str) -> None:
    text = read_witness(Witness(html=paragraphs(STORY) + link))
    assert ([unit.text for unit in text.units], text.is_cut) == (STORY, False)


def test_plain_text_has_a_paragraph_in_each_line_and_broken_markup_is_read() -> None:
    assert [unit.text for unit in read_witness(Witness(html="\n".join(STORY))).units] == STORY
    assert [unit.text for unit in read_witness(Witness(html="<p>One <b>two<p>three</div>")).units] == [
        "One two",
        "three",
    ]
    assert read_witness(Witness(html="\x00\ud800")).units == []
    assert read_witness(Witness(html="<div>" * 20_000)).units == []


@pytest.mark.parametrize(
    "end",
    [
        "and half of the quay came out [&hellip;]",
        "and half of the quay came out...",
        "and half of the quay… <a href=/x>Continue reading →</a>",
        "The quay came out. <a href=/x>Lire la suite</a>",
        "The quay came out.</p><p><a href=/x>Read more »</a>",
    ],
)
def test_a_teaser_is_recognised_by_its_end(end: str) -> None:
    assert read_witness(Witness(html=f"<p>{end}</p>")).is_cut


def test_a_story_that_ends_with_a_plain_sentence_is_not_cut() -> None:
    for end in ("They could read more into it.", "The sea goes on … and so do we.", "Nothing more"):
        assert not read_witness(Witness(html=f"<p>{end}</p>")).is_cut


def test_what_the_witness_lacks_is_not_the_story() -> None:
    assert texts(read(BOXED)) != STORY
    article = read(BOXED, paragraphs(STORY) + BACK)
    assert texts(article) == STORY
    assert article.quality.witness == "feed"
    assert 0.5 < (article.quality.witness_agreement or 1) < 0.99
    assert article.quality.witness_only_chars == 0
    assert "second_opinion" not in article.quality.flags


def test_a_caption_of_the_witness_is_no_paragraph_of_the_story() -> None:
    captioned = f"[caption id='a' width='9']<img src=a.jpg> {CAPTION}[/caption]"
    article = read(BOXED, Witness(html=captioned + paragraphs(STORY), source="api", title=TITLE))
    assert texts(article) == STORY
    assert article.quality.witness == "api"


def test_a_caption_of_the_witness_that_stands_among_the_paragraphs_is_none_of_them() -> None:
    theme = page(paragraphs([*STORY[:2], CAPTION, *STORY[2:]]))
    caption = f"<figure><img src=b.jpg><figcaption>{CAPTION}</figcaption></figure>"
    assert texts(read(theme, paragraphs(STORY[:2]) + caption + paragraphs(STORY[2:]))) == STORY


def test_what_a_theme_puts_between_paragraphs_has_classes_of_its_own() -> None:
    promotion = f"<p class=inset>{BOX[0]}</p>"
    theme = page(paragraphs(STORY[:4]) + promotion + paragraphs(STORY[4:]))
    assert texts(read(theme, paragraphs(STORY))) == STORY


def test_quotes_dashes_and_links_of_the_feed_may_differ() -> None:
    changed = [line.replace("“", '"').replace("”", '"').replace("'", "’") for line in STORY]
    html = paragraphs(changed).replace("blacksmith", "<a href=/smith>blacksmith</a>")
    assert texts(read(BOXED, html)) == STORY


def test_a_paragraph_that_the_feed_has_lost_stays() -> None:
    assert texts(read(BOXED, paragraphs(STORY[:3] + STORY[4:]))) == STORY


def test_what_only_the_witness_has_is_reported_and_not_in_the_text() -> None:
    more = "The harbour choir will sing below the bell on Sunday, if the tide allows it."
    article = read(PLAIN, paragraphs([*STORY[:4], more, *STORY[4:]]))
    assert texts(article) == STORY
    assert (article.quality.witness_only_chars, article.quality.witness_only_sample) == (len(more), more)


TEASERS = {
    "none": None,
    "empty": "",
    "ellipsis": paragraphs([STORY[0] + " " + STORY[1][:40] + " […]"]),
    "whole but for its end": paragraphs(STORY[:-1]) + "<p><a href=/x>Read more</a></p>",
    "summary": paragraphs(["The bell of the river ferry has rung again, and children rang it in turn."]),
    "first third": paragraphs(STORY[:2]),
    "another page": paragraphs([*BOX, CAPTION, *BOX]),
}


@pytest.mark.parametrize("name", TEASERS)
def test_a_teaser_changes_no_byte(name: str) -> None:
    assert read(BOXED, TEASERS[name]).model_dump_json() == read(BOXED).model_dump_json()


def vote(witness: Any) -> WitnessVote:
    trace = trace_extraction(PLAIN.encode(), URL, witness=witness)
    assert trace.body is not None
    assert trace.body.selection.witness is not None
    return trace.body.selection.witness


@pytest.mark.parametrize("size", [4, 5])
def test_a_witness_with_a_part_of_the_story_takes_nothing_away(size: int) -> None:
    article = read(PLAIN, paragraphs(STORY[:size]))
    assert texts(article) == STORY
    assert "witness_partial" in article.quality.flags


@pytest.mark.parametrize("size", [4, 5, 6])
def test_a_rest_at_another_kind_of_place_shows_that_a_witness_is_partial(size: int) -> None:
    html = page(paragraphs(STORY[:size]) + f"<blockquote>{paragraphs(STORY[size:])}</blockquote>")
    assert texts(read(html)) == STORY
    article = read(html, paragraphs(STORY[:size]))
    assert texts(article) == STORY
    assert "witness_partial" in article.quality.flags


def test_a_page_with_nothing_but_a_caption_of_the_witness_is_read() -> None:
    html = f"<title>{TITLE}</title><a href=/a>{CAPTION}</a>"
    witness = f"<figcaption>{CAPTION}</figcaption>{paragraphs(STORY[:1])}"
    assert extract(html, URL, witness=witness) == extract(html, URL)


def test_a_partial_witness_moves_likelihoods_a_little_and_a_whole_one_settles_them() -> None:
    likely = np.array([0.5, 0.5, 0.5, 0.0, 1.0])
    partial = WitnessVote(
        witness=Witness(html=""),
        decides=False,
        in_story=[True, False, False, True, False],
        votes=[1, -1, 0, 1, -1],
        agreement=BlockAgreement(
            extra=[False, False, False, False, True],
            missed=[False, False, False, True, False],
            common_chars=40,
            extra_chars=[KindChars(kind="p", chars=60)],
            missed_chars=[KindChars(kind="li", chars=12), KindChars(kind="caption", chars=8)],
        ),
        missing=[],
    )
    assert partial.adjust(likely).tolist() == [0.731059, 0.268941, 0.5, 0.0, 1.0]
    whole = replace(partial, decides=True)
    assert whole.adjust(likely).round(6).tolist() == [0.99, 0.01, 0.01, 0.99, 0.01]
    assert whole.agreement.f1 == 0.5


def test_what_only_one_of_the_two_has_is_counted_by_kind_of_block() -> None:
    quality = read(BOXED, paragraphs(STORY)).quality
    story, extra, missed = (
        quality.witness_common_chars,
        quality.witness_extra_chars,
        quality.witness_missed_chars,
    )
    extra_chars, missed_chars = (sum(part.chars for part in parts) for parts in (extra, missed))
    assert story + missed_chars == sum(map(len, STORY))
    assert extra_chars in {len(CAPTION), sum(map(len, BOX)), len(CAPTION) + sum(map(len, BOX))}
    precision = story / (story + extra_chars)
    recall = story / sum(map(len, STORY))
    assert quality.witness_agreement == round(2 * precision * recall / (precision + recall), 3)
    alone = read(BOXED).quality
    assert (alone.witness_common_chars, alone.witness_extra_chars, alone.witness_missed_chars) == (0, [], [])


def ruled(body: str, html: str = BOXED, witness: str | None = paragraphs(STORY)) -> Article:
    """The article of an outlet whose rule names the element with the story."""
    about = {"country": "CM", "languages": ["en"], "timezone": "Africa/Douala", "kind": "regional"}
    outlet = Outlet.model_validate(
        {"id": "lantern", "title": "Lantern", "home": URL, "rules": [{"body": body}], **about}
    )
    result = extract(html, URL, outlet=outlet, witness=witness)
    assert isinstance(result, Article)
    return result


@pytest.mark.parametrize("body", ["div.entry-content", "div.inset", "div.pic, div.inset", "body"])
def test_an_outlets_own_rule_decides_alone(body: str) -> None:
    assert texts(ruled(body)) == texts(ruled(body, witness=None))


def test_the_choice_of_a_rule_is_compared_with_the_witness() -> None:
    right = ruled("div.entry-content", PLAIN).quality
    assert (right.witness, right.witness_agreement) == ("feed", 1.0)
    # A redesign that moves the story out of the element that the rule names.
    wrong = ruled("div.inset").quality
    assert (wrong.witness, wrong.witness_agreement, wrong.witness_common_chars) == ("feed", 0.0, 0)
    assert "witness_partial" not in wrong.flags
    assert wrong.witness_missed_chars == [KindChars(kind="p", chars=sum(map(len, STORY)))]
    assert wrong.witness_extra_chars == [KindChars(kind="p", chars=sum(map(len, BOX)))]
    # One that puts a box into it.
    wide = ruled("div.entry-content").quality
    assert wide.witness_common_chars == sum(map(len, STORY))
    assert wide.witness_missed_chars == []
    assert sum(part.chars for part in wide.witness_extra_chars) >= sum(map(len, BOX))


ROWS = [("Monday", "three strokes", "the mate"), ("Friday", "nine strokes", "the ferryman himself")]
TABLE = "<table>{}</table>".format(
    "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in ROWS)
)
STEPS = [
    "First the pin is greased with tallow, so that the bell swings without a sound from its bearing.",
    "Then the rope is laid over the wheel, and the ferryman takes the slack out of it with his left hand.",
    "Only then may a child pull, three times, while the mate counts aloud for the people on the quay.",
]
LIST = f"<ol>{''.join(f'<li>{step}</li>' for step in STEPS)}</ol>"


@pytest.mark.parametrize(("extra", "kind"), [(TABLE, "table"), (LIST, "li")])
def test_what_a_feed_strips_from_every_story_stays(extra: str, kind: str) -> None:
    html = page(paragraphs(STORY[:4]) + extra + paragraphs(STORY[4:]))
    alone = [block for block in read(html).blocks if block.kind == kind]
    assert alone, "the classifier is sure of it"
    article = read(html, paragraphs(STORY))
    assert "witness_partial" not in article.quality.flags
    assert [block for block in article.blocks if block.kind == kind] == alone
    assert texts(read(html)) == texts(article)
    # A witness with such an element of its own says which ones are the story.
    own = "<table><tr><td>Toll</td><td>two pence</td></tr><tr><td>Dogs</td><td>free</td></tr></table>"
    items = "<ul><li>The toll of the ferry is two pence.</li></ul>"
    assert kind not in {
        block.kind for block in read(html, paragraphs(STORY) + (own if kind == "table" else items)).blocks
    }


def test_a_list_below_the_story_is_none_of_what_a_feed_strips() -> None:
    html = page(paragraphs(STORY) + f"<ul><li>{STEPS[0][:70]}.</li></ul>")
    assert texts(read(html, paragraphs(STORY))) == STORY


@pytest.mark.parametrize("chars", [50, 56, 60, 80])
def test_a_witness_that_breaks_off_within_a_paragraph_does_not_decide(chars: int) -> None:
    assert not vote(paragraphs([*STORY[:7], STORY[7][:chars]])).decides
    assert vote(paragraphs(STORY)).decides


def test_a_witness_under_another_headline_must_be_nearly_all_on_the_page() -> None:
    more = [
        "A stranger paid for the gilding of the inscription, and left before anyone had asked for a name.",
        "Nobody minds.",
    ]
    assert vote(Witness(html=paragraphs(STORY + more), title=TITLE)).decides
    assert vote(Witness(html=paragraphs(STORY), title="Swimming club: huts moved")).decides
    assert not vote(Witness(html=paragraphs(STORY + more), title="Swimming club: huts moved")).decides


def align(page_lines: list[str], witness_lines: list[str]) -> list[int | None]:
    blocks, _ = build_outline(document_fromstring(paragraphs(page_lines)))
    units = read_witness(Witness(html=paragraphs(witness_lines))).units
    return align_blocks(blocks, units, [0.5] * len(blocks)).units


def test_of_two_copies_the_one_among_its_neighbours_counts() -> None:
    assert align([STORY[4], *STORY], STORY) == [None, 0, 1, 2, 3, 4, 5, 6, 7]
    assert align(["Read on", *STORY[:2], "Read on", STORY[2]], [*STORY[:2], "Read on", STORY[2]]) == [
        None, 0, 1, 2, 3,
    ]  # fmt: skip


def test_a_caption_that_begins_like_a_paragraph_nearby_is_a_place_of_its_own() -> None:
    caption = "The bell of the river ferry hangs above the lower quay again."
    lines = [STORY[1], caption, *STORY[2:4], STORY[0], STORY[5]]
    assert align(lines, lines) == list(range(len(lines)))


def test_a_paragraph_may_stand_at_another_place() -> None:
    assert align([STORY[5], *STORY[:5], *STORY[6:]], STORY) == [5, 0, 1, 2, 3, 4, 6, 7]


def test_words_of_the_story_in_another_paragraph_are_no_match() -> None:
    menu = "The bell of the river"
    assert align([menu, *STORY], STORY)[0] is None
    assert align([f"{BOX[0]} {BOX[1]} {STORY[5]}", *STORY], STORY)[0] is None


def seconds(copies: int) -> float:
    lines = [f"{line} Verse {number}." for number in range(copies) for line in STORY]
    blocks, _ = build_outline(document_fromstring(paragraphs(lines)))
    html, likely = paragraphs(lines), [0.5] * len(blocks)
    times = []
    for _ in range(3):
        began = time.process_time()
        align_blocks(blocks, read_witness(Witness(html=html)).units, likely)
        times.append(time.process_time() - began)
    return min(times)


def test_ten_times_the_text_takes_about_ten_times_as_long() -> None:
    assert seconds(300) < 25 * seconds(30)


@pytest.mark.parametrize(
    "html",
    [
        "[caption id='a']" * 15_000,
        "[ab " + "= " * 140_000,
        "<p>" + "no no no no " * 20_000,
        "[embed " * 40_000,
        "<p>The post " * 25_000,
    ],
)
def test_a_hostile_witness_takes_no_longer_than_a_long_one(html: str) -> None:
    began = time.process_time()
    article = read(PLAIN, html)
    assert texts(article) == STORY
    assert time.process_time() - began < 10


def test_the_explanation_shows_the_vote_and_who_decided() -> None:
    explained = build_explanation(trace_extraction(BOXED.encode(), URL, witness=paragraphs(STORY)))
    rows = {decision.text: decision for decision in explained.decisions}
    assert [(rows[line].witness, rows[line].decided_by) for line in (STORY[3], BOX[0])] == [
        (True, "witness"),
        (False, "witness"),
    ]
    without = build_explanation(trace_extraction(BOXED.encode(), URL))
    assert {decision.witness for decision in without.decisions} == {None}


@pytest.mark.parametrize("hiding", ["hidden", 'style="display:none"'])
def test_what_a_page_hides_behind_an_offer_no_witness_shows(hiding: str) -> None:
    shown, hidden = STORY[:-2], STORY[-2:]
    offer = "<div class=paywall><p>Subscribe to read the rest of this article.</p></div>"
    rest = f"<div {hiding}>{paragraphs(hidden)}</div>"
    html = f"<title>{TITLE}</title><article><h1>{TITLE}</h1>{paragraphs(shown)}{offer}{rest}</article>"
    article = extract(html, URL, witness=paragraphs(STORY))
    assert isinstance(article, Article)
    assert article.text == "\n\n".join(shown)
    assert article.quality.witness_only_chars >= sum(map(len, hidden))
