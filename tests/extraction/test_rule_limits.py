"""No rule takes most of a story, and what rules take shows in the quality of the article."""

import pytest
from stories_made import TITLE, page, paragraphs, story, tagged

from newscrawl.extraction import extract
from newscrawl.items import Article

URL = "https://post.example/2025/wall"
WORDPRESS = "<meta name=generator content='WordPress 6.4'>"
BODY = paragraphs(3_000)


def read(html: str, url: str = URL) -> Article:
    article = extract(html, url)
    assert isinstance(article, Article)
    return article


def texts(html: str) -> list[str]:
    return [block.text for block in read(html).blocks]


@pytest.mark.parametrize(
    ("open_tag", "head"),
    [
        ("<div id=masthead>", WORDPRESS),
        ("<div class=site-header>", WORDPRESS),
        ("<div class=navigation>", WORDPRESS),
        ("<div class=author-bio>", WORDPRESS),
        ("<div class='large-8 related-posts'>", ""),
        ("<div class=pagination>", ""),
        ("<div class=sidebar>", "<meta name=generator content=blogger>"),
        ("<div class='elementor elementor-posts'>", ""),
    ],
)
def test_a_platforms_name_on_the_element_of_the_story_takes_nothing(open_tag: str, head: str) -> None:
    assert texts(story(f"{open_tag}{tagged(BODY)}</div>", head=head)) == BODY


def test_a_header_that_is_not_closed_takes_only_itself() -> None:
    html = story(tagged(BODY), head=WORDPRESS).replace("<header>", "<div id=masthead>")
    assert texts(html.replace("</header>", "")) == BODY


def test_chrome_inside_such_an_element_still_goes() -> None:
    box = f"<div class=related-posts><h4>Related</h4>{tagged(paragraphs(300, skip=500))}</div>"
    assert texts(story(f"<div id=masthead>{tagged(BODY)}{box}</div>", head=WORDPRESS)) == BODY


def test_long_comments_and_consent_texts_are_no_story() -> None:
    comments = "".join(f"<li class=comment>{line}</li>" for line in paragraphs(9_000, skip=900))
    html = story(tagged(BODY[:4])).replace("</main>", f"</main><ol id=comments>{comments}</ol>")
    assert texts(html) == BODY[:4]
    consent = "<p>We and our partners use cookies to keep data on your device and to measure visits.</p>" * 30
    html = story(tagged(BODY[:4])).replace("</main>", f"</main><div id=onetrust-banner>{consent}</div>")
    assert texts(html) == BODY[:4]


def test_a_second_copy_of_the_story_goes() -> None:
    copy = f"<h1>{TITLE}</h1>{tagged(BODY)}"
    assert texts(page(f"<div class=wide>{copy}</div><div class=narrow>{copy}</div>")) == BODY


@pytest.mark.parametrize("query", ["p=123", "page_id=9", "lang=en&id_article=77"])
def test_a_story_whose_address_is_a_number_is_no_listing(query: str) -> None:
    teasers = "".join(f"<h3><a href=/?p={at}>Another headline of today {at}</a></h3>" for at in range(12))
    html = story(tagged(BODY)).replace("</aside>", f"{teasers}</aside>")
    assert read(html, f"https://post.example/?{query}").char_count >= 2_900


def test_the_score_is_that_of_the_text_which_is_written() -> None:
    whole = read(story(tagged(BODY)))
    other = f"<article><h1>Another story begins here</h1>{tagged(paragraphs(6_000, skip=900))}</article>"
    cut = read(story(tagged(BODY)).replace("</main>", f"{other}</main>"))
    assert [block.text for block in cut.blocks] == BODY
    assert whole.quality.score is not None
    assert cut.quality.score is not None
    assert whole.quality.score > 0.9
    assert cut.quality.score < 0.7
    assert "cut_by_rules" in cut.quality.flags
    assert "cut_by_rules" not in whole.quality.flags


def test_what_is_in_another_field_does_not_lower_the_score() -> None:
    head = f"<meta name=description content='{BODY[0]}'>"
    with_lede = read(story(f"<h2 class=standfirst>{BODY[0]}</h2>{tagged(BODY[1:])}", head=head))
    assert with_lede.lede == BODY[0]
    assert with_lede.quality.score is not None
    assert with_lede.quality.score > 0.9
    assert "cut_by_rules" not in with_lede.quality.flags
