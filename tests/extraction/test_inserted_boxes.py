"""Boxes amid a story, and parts of it that are short, in figures or folded away."""

import pytest
from stories_made import paragraphs, story, tagged

from newscrawl.extraction import extract
from newscrawl.items import Article

URL = "https://post.example/2025/wall"
BODY = paragraphs(3_000)
HALF = len(BODY) // 2


def texts(middle: str, url: str = URL) -> list[str]:
    """The blocks of a story with `middle` in the middle of it."""
    html = story(f"<div class=text>{tagged(BODY[:HALF])}{middle}{tagged(BODY[HALF:])}</div>")
    article = extract(html, url)
    assert isinstance(article, Article)
    return [block.text for block in article.blocks]


@pytest.mark.parametrize(
    "poll",
    [
        "<form><p>Should the wall be higher?</p><label><input type=radio> Yes, by a metre</label>"
        "<label><input type=radio> No, leave it</label><button>Vote</button></form>",
        "<div><p>What should be rebuilt first?</p><ul><li><input type=radio name=a>The wall of the quay</li>"
        "<li><input type=radio name=a>The roof of the school</li></ul></div>",
        "<form><p>Choose the letters that you want.</p><p><input type=checkbox> The news of the morning</p>"
        "<p><input type=checkbox> The week in the harbour</p></form>",
    ],
)
def test_a_poll_is_none_of_the_story(poll: str) -> None:
    assert texts(poll) == BODY


def test_a_list_to_tick_off_that_is_no_form_stays() -> None:
    items = [
        "<li><input type=checkbox> two bags of gravel</li>",
        "<li><input type=checkbox> a long rope</li>",
    ]
    assert "two bags of gravel" in texts(f"<p>What every crew took along:</p><ul>{''.join(items)}</ul>")


@pytest.mark.parametrize(
    "card",
    [
        "<div class=card><a href=/2025/roof><h4>School roof: parents ask for a date</h4></a>{}</div>",
        "<aside><h3><a href='https://post.example/2025/roof'>School roof: a date</a></h3>{}</aside>",
    ],
)
def test_a_card_of_another_story_of_the_site_goes(card: str) -> None:
    teaser = "<p>The parents wrote to the council to ask when the buckets will leave the school.</p>"
    assert texts(card.format(teaser)) == BODY


@pytest.mark.parametrize(
    "heading",
    [
        "<h3><a href='https://other.example/report'>The report of the engineers</a></h3>",
        "<h3><a href='#costs'>What it costs</a></h3>",
        "<h3>What it <a href=/2025/costs>costs</a></h3>",
        "<h3><a href=/2025/quay>2. The northern quay</a></h3>",
        "<h3><a href=/dossiers/the-wall>Our dossier on the wall</a></h3>",
        "<h3><a href=/2025/costs>What it costs</a></h3>",
    ],
)
def test_a_section_whose_heading_links_elsewhere_stays(heading: str) -> None:
    line = "The engineers found that the sea had washed out most of the gravel behind the northern wall."
    assert line in texts(f"<div>{heading}<p>{line}</p></div>")


@pytest.mark.parametrize(
    "open_tag", ["<section class=box>", "<div class=encadre>", "<aside>", "<div class='card background'>"]
)
def test_a_boxed_section_whose_heading_leads_to_a_dossier_stays(open_tag: str) -> None:
    heading = "<h3><a href=/dossiers/the-wall>Our dossier on the wall</a></h3>"
    line = "The engineers found that the sea had washed out most of the gravel behind the northern wall."
    close = f"</{open_tag[1:].split(maxsplit=1)[0].strip('>')}>"
    assert line in texts(f"{open_tag}{heading}<p>{line}</p>{close}")


def test_a_heading_with_a_picture_that_lead_to_a_story_are_a_card() -> None:
    teaser = "<p>The parents wrote to the council to ask when the buckets will leave the school.</p>"
    box = f"<div><img src=/roof.jpg><h4><a href=/2025/roof>School roof: a date</a></h4>{teaser}</div>"
    assert texts(box) == BODY


def test_sections_that_each_lead_to_a_story_are_the_story() -> None:
    lines = paragraphs(900, skip=700)
    sections = "".join(
        f"<div><h3><a href=/2025/story-{at}>What happened in part {at}</a></h3><p>{line}</p></div>"
        for at, line in enumerate(lines)
    )
    assert len(lines) > 2
    assert set(lines) <= set(texts(sections))


@pytest.mark.parametrize("figure", ["4,200,000", "1911 – 2026", "€ 12.500", "1 250 000 €"])
def test_a_paragraph_that_is_a_figure_stays_amid_the_story(figure: str) -> None:
    figure = figure.replace("€ ", "€")
    assert figure in texts(f"<p>{figure}</p>")


@pytest.mark.parametrize("mark", ["* * *", "12 / 30", "18:05", "---"])
def test_a_line_of_marks_still_goes(mark: str) -> None:
    assert texts(f"<p>{mark}</p>") == BODY


def test_what_a_button_right_above_unfolds_is_read() -> None:
    rows = "<ul><li>Tomas Bray, goalkeeper, from Selby</li><li>Awa Dunn, forward, from Merrow Point</li></ul>"
    button = "<button aria-expanded=false>All transfers at a glance</button>"
    found = texts(f"<div>{button}<div hidden><h4>The team of Selby Quay</h4>{rows}</div></div>")
    assert "Awa Dunn, forward, from Merrow Point" in found
    assert "Awa Dunn, forward, from Merrow Point" not in texts(f"<div><div hidden>{rows}</div></div>")


def test_a_short_first_sentence_belongs_to_the_story() -> None:
    html = story(f"<div>Loose words of the editors stand here, as they do on many pages.{tagged(BODY)}</div>")
    article = extract(html.replace("<div>Loose", "<div><p>The first stage is paid.</p>Loose"), URL)
    assert isinstance(article, Article)
    assert article.text.startswith("The first stage is paid.\n\nLoose words")


@pytest.mark.parametrize("name", ["sr-only", "visually-hidden", "offscreen", "a11y-hidden"])
def test_a_whole_story_in_an_element_for_screen_readers_is_read(name: str) -> None:
    article = extract(story(f"<div class={name}>{tagged(BODY)}</div>"), URL)
    assert isinstance(article, Article)
    assert [block.text for block in article.blocks] == BODY
    assert (
        texts(f"<p class={name}>Skip the advertisement and go on to the next part of the story</p>") == BODY
    )
