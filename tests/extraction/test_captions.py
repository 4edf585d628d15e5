"""Captions by their credits."""

import pytest
from stories_made import paragraphs, story, tagged

from newscrawl.extraction import extract
from newscrawl.extraction.captions import has_credit
from newscrawl.items import Article


@pytest.mark.parametrize(
    "line",
    [
        "STR/AFP via Getty Images",
        "Jo Kim/AFP",
        "(Image: Getty)",
        "Foto: Max Muster / dpa",
        "© Ada Brandt",
        "Image: Echo Post / Facebook",
        "Bild: Ada Brandt/dpa",
        "Zdjęcie: Jan Kowalski / PAP",
        "Image: eTown Council / Facebook",
        "Bild: shutterstock",
        "Crews rest on their oars off the island. Photo: Gazette library",
        "写真：北山新聞",
        "Le mur à marée basse. © Ada Brandt",
        "The wall at low tide last Tuesday. Foto: Max Muster / dpa",
        "Workmen carry stones to the quay (AP Photo/Ada Brandt)",
        "Workmen carry stones to the quay. Jo Kim/AFP via Getty Images",
        "Image source, Gazette library",
        "Image caption The mayor speaks at the quay",
    ],
)
def test_a_credit_shows_that_a_line_is_a_caption(line: str) -> None:
    assert has_credit(line)


@pytest.mark.parametrize(
    "line",
    [
        "Photo : une route vide, puis la mer.",
        "The agency bought the pictures via Getty Images, the court heard.",
        "Image: it is what the council fears to lose.",
        "Foto: 48 Megapixel, Video in 4K",
        "He works for AFP.",
        "© is a sign that few people can type.",
        "The wall/quay question will return.",
        "Image source is still unknown, the ministry said on Monday.",
        "Photo credit scams have cost the town ten million francs.",
        "Picture caption contests are back at the quay this year.",
    ],
)
def test_a_line_of_the_story_has_no_credit(line: str) -> None:
    assert not has_credit(line)


BODY = paragraphs(2_000)
LAST = "The council will vote on the wall in the second week of June, after the engineers have reported."


def read_last(html: str) -> Article:
    article = extract(story(f"<div class=text>{tagged(BODY)}{html}</div>"), "https://post.example/2025/wall")
    assert isinstance(article, Article)
    return article


@pytest.mark.parametrize(
    "credit",
    [
        "Photo: Gazette library",
        "© Ada Brandt",
        "(Photo: Ada Brandt)",
        "Foto: Max Muster / dpa",
        "– Foto: Ada Brandt",
        "Jo Kim/AFP via Getty Images",
    ],
)
def test_of_a_last_paragraph_only_the_credit_at_its_end_goes(credit: str) -> None:
    article = read_last(f"<p>{LAST} {credit}</p>")
    assert [block.text for block in article.blocks] == [*BODY, LAST]
    assert [(part.reason, part.sample) for part in article.removed if part.reason == "caption"] == [
        ("caption", credit.removeprefix("– "))
    ]
    longer = f"{' '.join(BODY[:3])} {LAST}"
    assert read_last(f"<p>{longer} {credit}</p>").blocks[-1].text == longer


@pytest.mark.parametrize(
    "ending",
    [
        f"<figure><img src=/wall.jpg><p>{LAST} Photo: Gazette library</p></figure>",
        f"<p><img src=/wall.jpg></p><p>{LAST} Photo: Gazette library</p>",
        f"<div><img src=/wall.jpg><div><p>{LAST} Photo: Gazette library</p></div></div>",
        "<p>The wall at low tide. Photo: Gazette library</p>",
    ],
)
def test_a_caption_below_the_last_picture_goes_as_a_whole(ending: str) -> None:
    assert [block.text for block in read_last(ending).blocks] == BODY


def test_a_caption_with_a_credit_amid_the_story_goes_as_a_whole() -> None:
    article = read_last(f"<p>{LAST} Photo: Gazette library</p>{tagged(paragraphs(900, skip=700))}")
    assert LAST not in article.text
