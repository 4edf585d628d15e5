"""Phrases of boilerplate."""

import re
from datetime import UTC, datetime
from html import escape
from pathlib import Path

import blocks_made
import pytest

from newscrawl.extraction import extract
from newscrawl.extraction.cleaning import clean_blocks
from newscrawl.extraction.normalize import normalize_spaces
from newscrawl.extraction.phrases import (
    RelatedLine,
    find_phrase,
    is_name,
    letters_only,
    load_line_patterns,
    pattern_heads,
    plain_line,
    split_related_line,
)
from newscrawl.items import Article

DATA = Path(__file__).parents[1] / "data/phrases"
STORY = {
    "fr": (
        "Le conseil de la vallée a décidé mardi de fermer la route du col pendant tout l'hiver, après "
        "trois éboulements qui ont blessé deux ouvriers depuis la fin du mois de septembre.",
        "Les riverains, qui avaient demandé une réunion publique, disent n'avoir appris la nouvelle "
        "que par une affiche collée sur la porte de la mairie le lendemain du vote.",
        "Les transporteurs estiment que le détour par la plaine coûtera quarante minutes et près de douze "
        "euros de carburant à chaque trajet, ce qu'ils comptent faire payer à leurs clients.",
        "La décision doit être confirmée par le préfet avant la fin de la semaine prochaine, et les "
        "premiers panneaux seront posés dès que la neige tombera au sommet.",
    ),
    "en": (
        "The valley board decided on Tuesday to close the pass road for the whole winter, after three "
        "rockfalls that have injured two workmen since the end of September.",
        "Residents, who had asked for a public meeting, say they learned of the news only from a notice "
        "stuck on the door of the town hall the day after the vote.",
        "Hauliers reckon that the detour through the plain will cost forty minutes and some twelve euros "
        "in fuel on every trip, which they mean to charge to their customers.",
        "The decision has to be confirmed by the prefect before the end of next week, and the first signs "
        "will be put up as soon as snow falls on the summit.",
    ),
}


def read_lines(name: str) -> list[tuple[str, str]]:
    """The lines of a file of the tests, each with its language."""
    lines = (line.split("\t", 1) for line in (DATA / name).read_text(encoding="utf-8").splitlines())
    return [(lang, text) for lang, text in lines]


def extract_text(lang: str, line: str) -> str:
    """The text of a story with a bare paragraph amid its own."""
    first, *others = STORY[lang]
    paragraphs = "".join(f"<p>{escape(text)}</p>" for text in (first, others[0], line, *others[1:]))
    page = (
        f'<html lang="{lang}"><head><meta charset="utf-8"><title>Col</title></head>'
        f"<body><article><h1>Col</h1>{paragraphs}</article></body></html>"
    )
    article = extract(page.encode(), "https://www.example.org/n/1", fetched=datetime(2026, 11, 1, tzinfo=UTC))
    assert isinstance(article, Article)
    return article.text or ""


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_nearly_all_chrome_is_recognized_by_its_kind(lang: str) -> None:
    lines = [text for language, text in read_lines("chrome.tsv") if language == lang]
    missed = [text for text in lines if find_phrase(normalize_spaces(text)) is None]
    assert len(lines) >= 150
    assert missed == []


def test_at_most_one_line_of_a_story_in_eighty_is_taken_for_chrome() -> None:
    """These begin like chrome, or speak of what chrome speaks of."""
    lines = [text for _, text in read_lines("story.tsv")]
    lost = [text for text in lines if find_phrase(normalize_spaces(text))]
    assert len(lines) >= 80
    assert len(lost) <= len(lines) // 80, lost


@pytest.mark.parametrize(
    ("lang", "line"),
    [
        ("fr", "La suite de l'article sous la publicité"),
        ("fr", "Rejoignez notre groupe Telegram pour ne rien rater"),
        ("fr", "Recevez l'infolettre de la vallée dans votre boîte courriel"),
        ("fr", "Durée de lecture : 6 min"),
        ("fr", "Vous avez vu une faute ? Dites-le-nous"),
        ("fr", "Sur le même sujet : Le tunnel rouvre en mai"),
        ("en", "Story resumes after this video"),
        ("en", "Get the Valley Post in your inbox each evening"),
        ("en", "WATCH: Snow falls on the pass"),
        ("en", "To keep reading, sign in or subscribe."),
        ("en", "Copyright 2026 Valley Post. All rights reserved."),
        ("en", "Seen a typo? Tell us"),
    ],
)
def test_a_line_of_chrome_amid_the_story_leaves_the_text(lang: str, line: str) -> None:
    text = extract_text(lang, line)
    assert line not in text
    assert all(paragraph in text for paragraph in STORY[lang])


@pytest.mark.parametrize(
    ("lang", "line"),
    [
        ("fr", "Suivez-nous, a dit le guide en poussant la porte."),
        ("fr", "« Rejoignez notre groupe WhatsApp », disait le faux message."),
        ("en", "Watch: it stopped at the minute of the blast."),
        ("en", "Register to vote by Friday at the town hall."),
    ],
)
def test_a_line_that_resembles_chrome_stays_in_the_story(lang: str, line: str) -> None:
    assert line in extract_text(lang, line)


LABELLED = [
    "Les også: Muren skal bygges",
    "Læs også: Muren skal bygges",
    "Läs också: Muren byggs upp",
    "Lees ook: De muur komt terug",
    "Lies auch: Die Mauer kommt wieder",
    "Mehr dazu – Die Mauer kommt wieder",
    "Leggi anche: Il muro torna",
    "Lee también: El muro vuelve",
    "Leia mais: O muro volta",
    "Lue myös: Muuri nousee",
    "Czytaj też: Mur wraca",
    "Čtěte také: Zeď se vrací",
    "Читайте также: Стена вернётся",
    "Читайте також: Стіна повернеться",
    "Διαβάστε επίσης: Το τείχος επιστρέφει",
    "Citește și: Zidul se întoarce",
    "Olvassa el: Visszatér a fal",
    "Ayrıca oku: Duvar geri dönüyor",
    "اقرأ أيضا: السور يعود",
    "यह भी पढ़ें: दीवार लौटेगी",
    "あわせて読む：壁が戻る",
]


@pytest.mark.parametrize("line", LABELLED)
def test_a_label_and_the_title_of_another_story_leave_the_text(line: str) -> None:
    assert line not in extract_text("en", line)
    label = re.split(r"\s?[:：–]\s?", line)[0]
    found = find_phrase(label)
    assert found is not None
    assert found.opens_list


@pytest.mark.parametrize(
    "line",
    [
        "Les også det som står på veggen, sa hun.",
        "Les også: det var alt læreren ba om.",
        "Lees ook tussen de regels",
        "Leggi anche tra le righe.",
        "Mehr dazu am Dienstag.",
        "Zum Thema Mauer schweigt der Rat",
        "Leia mais devagar, pediu o professor.",
    ],
)
def test_a_sentence_that_begins_like_a_label_stays(line: str) -> None:
    assert line in extract_text("en", line)


def test_a_title_behind_a_label_without_a_mark_is_a_link() -> None:
    line = split_related_line("Les også Muren skal bygges")
    assert line == RelatedLine("Muren skal bygges", is_separated=False)


OUTSIDE = [
    "Country: France",
    "Topics: war, peace, food",
    "Il y a 3 ans",
    "12 years ago",
    "10 euros par mois",
    "More on Tuesday",
]


@pytest.mark.parametrize("line", [*OUTSIDE, "Téléchargez l'application, conseille le préfet."])
def test_a_short_line_of_the_story_is_no_label_amid_its_sentences(line: str) -> None:
    assert line in extract_text("en", line).split("\n\n")


@pytest.mark.parametrize("line", OUTSIDE)
def test_the_same_line_below_the_story_is_one(line: str) -> None:
    made = blocks_made.blocks([*STORY["en"], line])
    assert len(clean_blocks(made, titles=set(), lede=None).blocks) == len(STORY["en"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Radio de la Mer", True),
        ("the City", True),
        ("la mer monte", False),
        ("by the sea", False),
        ("A. Diallo", True),
    ],
)
def test_names_are_written_with_capitals(text: str, expected: bool) -> None:
    assert is_name(text) is expected


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("Ajoutez votre titre ici", "placeholder"),
        ("Redigé par:", "byline"),
        ("RÉDIGÉ PAR\u00a0:", "byline"),
        ("Ce site utilise des cookies", "consent"),
        (
            "Votre adresse e-mail ne sera pas publiée. Les champs obligatoires sont indiqués avec *",
            "comments_form",
        ),
        ("Cliquez pour partager sur Telegram(ouvre dans une nouvelle fenêtre)", "share"),
        ("« Lire aussi : Le pont de Mbanga fermé »", "related"),
        ("READ MORE ON:", "related"),
        ("ALSO READ", "related"),
        ("Publicité", "promo"),
        ("Article réservé aux abonnés", "paywall"),
    ],
)
def test_chrome_is_recognized_in_any_spelling(line: str, reason: str) -> None:
    found = find_phrase(line)
    assert found is not None
    assert found.reason == reason


@pytest.mark.parametrize(
    "line",
    [
        "Le ministre a lu la lettre.",
        "La publicité mensongère sera punie, promet la commission.",
        "Read more books, the librarian tells her visitors every morning.",
        "Lire aussi vite que lui demande des années, explique son maître, qui tient depuis quarante ans la "
        "seule école de lecture rapide de la région et n’a formé que douze élèves, dont deux ont depuis "
        "ouvert leur propre cours dans la capitale, avec un succès que lui-même n’a jamais connu.",
    ],
)
def test_sentences_are_left_alone(line: str) -> None:
    assert find_phrase(line) is None


@pytest.mark.parametrize(
    "sentence",
    [
        "Also one of the victims was a teacher, the police said.",
        "Also on Tuesday, the court heard a second witness.",
        "Sign up today was the motto of the campaign in 1917.",
        "Il vous reste peu de temps pour voir l'exposition, dit le directeur.",
        "More fromage is eaten in the valley than anywhere else.",
        "Watch: nobody on the pier wore one when the clock struck.",
        "Lire, écrire et compter : le programme de l'école change.",
    ],
)
def test_an_ordinary_sentence_is_not_a_phrase(sentence: str) -> None:
    assert find_phrase(sentence) is None


@pytest.mark.parametrize(
    ("pattern", "heads"),
    [
        ("advertisement", {"advertisement"}),
        ("photos?", {"photo"}),
        ("(?:read|listen to) <rest>", {"read", "listen to"}),
        ("(?:the )?(?:latest|top) news", {"the ", "latest", "top"}),
        ("(?:(?:e-?mail|push) )*alerts", {"e", "push", "alerts"}),
        (r'(?![^"]*(?:agency|desk))(?:photo|[0-9]+ images)', {"photo", ""}),
        (r"([^\W_][\w'&.-]*) news", {""}),
        (r"\(c\) [^)]+", {""}),
        ("|all rights", {"", "all rights"}),
    ],
)
def test_what_a_pattern_matches_begins_with_one_of_its_heads(pattern: str, heads: set[str]) -> None:
    assert pattern_heads(f"(?:{pattern})") == heads


def test_patterns_that_are_found_by_the_start_of_a_line_are_all_that_match_it() -> None:
    patterns = load_line_patterns()
    texts = [text for name in ("chrome.tsv", "story.tsv") for _, text in read_lines(name)]
    found = set()
    for line in map(letters_only, map(plain_line, texts)):
        by_all = [pattern for pattern in patterns.lines.patterns if pattern.compiled.fullmatch(line)]
        assert [each for each in patterns.lines.find(line) if each.compiled.fullmatch(line)] == by_all
        labels = [label for label in patterns.titled.patterns if label.compiled.match(line)]
        assert [label for label in patterns.titled.find(line) if label.compiled.match(line)] == labels
        found.update(pattern.text for pattern in (*by_all, *labels))
    assert len(found) > len(patterns.lines.patterns) / 2


def test_marks_in_a_row_have_no_sentence_between_them() -> None:
    phrase = find_phrase("Partager cet article |: Partager cet article")
    assert phrase is not None
    assert phrase.reason == "share"
