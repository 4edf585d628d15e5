"""Footers of press releases and agencies."""

import pytest
from stories_made import paragraphs, story, tagged

from newscrawl.extraction import extract
from newscrawl.items import Article

BODY = paragraphs(3_000)
ABOUT = "Selby Corp is a leading provider of walls, founded in 1920 and headquartered in Selby Quay."
RISKS = (
    "This press release contains forward-looking statements that involve risks and uncertainties. Actual "
    "results may differ from those that the company expects today."
)


def texts(foot: str) -> list[str]:
    article = extract(story(f"<div class=text>{tagged(BODY)}{foot}</div>"), "https://post.example/2025/wall")
    assert isinstance(article, Article)
    return [block.text for block in article.blocks]


@pytest.mark.parametrize(
    "foot",
    [
        f"<p>About Selby Corp: {ABOUT}</p>",
        f"<h3>About Selby Corp</h3><p>{ABOUT}</p>",
        f"<p><b>About Selby Corp</b></p><p>{ABOUT}</p><h3>Forward-Looking Statements</h3><p>{RISKS}</p>",
        f"<p>{RISKS}</p>",
        "<p>Brandt reported from Berlin and Kim from Seoul, South Korea.</p>",
        "<p>Brandt reported from Berlin. AP writer Jo Kim in Rome contributed to this report.</p>",
    ],
)
def test_what_companies_and_agencies_say_of_themselves_goes(foot: str) -> None:
    assert texts(foot) == BODY


@pytest.mark.parametrize(
    "foot",
    [
        "<h3>About the fire</h3><p>It is the third fire on the quay in a year, the mayor said.</p>",
        "<p>About Selby Quay: nobody there has slept since Tuesday night, the mayor said.</p>",
        "<p>Residents reported from Selby that the wall had moved by a metre in the night.</p>",
        "<p>The forward-looking statements of the bank warned of the risks of cocoa, the minister said.</p>",
        "<p>Ce sont des déclarations prospectives, et les risques du cacao inquiètent le ministre.</p>",
        "<p>Investors asked why the forward-looking statements of the mill had said nothing of it.</p>",
    ],
)
def test_the_end_of_a_story_stays(foot: str) -> None:
    assert len(texts(foot)) == len(BODY) + foot.count("</")


def test_a_company_that_the_story_presents_first_stays() -> None:
    article = extract(
        story(
            f"<div class=text><p>{BODY[0]}</p><h3>About Selby Corp</h3><p>{ABOUT}</p>{tagged(BODY[1:])}</div>"
        ),
        "https://post.example/2025/wall",
    )
    assert isinstance(article, Article)
    assert ABOUT in (article.text or "")
