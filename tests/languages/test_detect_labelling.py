"""Languages of lines, of runs within them, and of documents."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from newscrawl.languages import Languages, is_mixed, label, languages_of

FR = "Le conseil a voté mardi le budget de la ville, et les habitants attendent maintenant les travaux."
ES = "Los vecinos esperan desde hace años que el ayuntamiento arregle la carretera del pueblo."
EN = (
    "The council voted on Tuesday for the budget of the town, and its people now wait for the works to begin."
)


def runs(text: str) -> list[tuple[str, str]]:
    return [(span.lang, text[span.start : span.end].strip()) for span in label(text).spans]


def codes(text: str) -> list[str | None]:
    return label(text).codes


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (FR, "fr"),
        (FR.upper(), "fr"),
        ("Les eleves ont ete recus par le directeur avant les vacances.", "fr"),
        ("Les e\u0301le\u0300ves ont e\u0301te\u0301 rec\u0327us par le directeur.", "fr"),
        ("Les habi\u00adtants ont pro\u00adtesté de\u00advant la mai\u00adrie.", "fr"),
        (EN, "en"),
        (EN.upper(), "en"),
        ("Subscribe", "en"),
        ("S’abonner", "fr"),
        ("The Harbour Opens Again", "en"),
        ("Cameroon", "en"),
        ("Cameroun", "fr"),
    ],
)
def test_a_line_is_known_by_its_language(text: str, code: str) -> None:
    assert codes(text) == [code]


@pytest.mark.parametrize(
    "text",
    ["12 345", "https://echo.example/a", "Awa Ndiaye", "Jean Mvondo", "N'Djamena", "AFP - OMS", "WHO", "x",
     "— § —", "#CAN2025", "redaction@echo.example", "COP28", "WhatsApp", "🙂🙂", "Kim Jong-un"],
)  # fmt: skip
def test_names_numbers_and_addresses_have_no_language(text: str) -> None:
    assert codes(text) == [None]
    assert label(text).blocks[0].confidence == 0


def test_a_quotation_is_a_run_of_its_own() -> None:
    said = "« Nous avons attendu trois ans que la route soit enfin réparée », a déclaré le maire"
    text = f"{said}, before the minister told the press that she will return to the village next month."
    assert [lang for lang, _ in runs(text)] == ["fr", "en"]
    assert runs(text)[1][1].startswith("before the minister")


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("Selon le rapport « The State of the World », la mortalité baisse.", "« The State of the World », "),
        ('Il a tweeté : "This is not the end of the road."', '"This is not the end of the road."'),
        (
            "The minister said (nous ne voulons pas de cette guerre) twice today.",
            "(nous ne voulons pas de cette guerre) ",
        ),
        ("Read more / Lire la suite", "Lire la suite"),
    ],
)
def test_a_run_begins_with_the_marks_that_open_it(text: str, second: str) -> None:
    span = label(text).spans[1]
    assert text[span.start : span.end] == second


def test_a_change_within_a_clause_is_found() -> None:
    text = "Il faut que tu check your email before the deadline sinon le dossier sera rejeté par le service."
    assert [lang for lang, _ in runs(text)] == ["fr", "en", "fr"]


def test_a_single_foreign_word_changes_nothing() -> None:
    assert [lang for lang, _ in runs("Le match a été suivi par des milliers de supporters au stade.")] == [
        "fr"
    ]


def test_chrome_keeps_its_language_around_a_story_in_another() -> None:
    text = "\n".join(["Accueil", "Se connecter", EN, EN, "Laisser un commentaire", "Votre adresse e-mail"])
    assert codes(text) == ["fr", "fr", "en", "en", "fr", "fr"]


def test_a_short_line_leans_on_its_neighbours() -> None:
    assert codes(f"{FR}\ntransports, culture\n{FR}")[1] == "fr"
    assert codes(f"{EN}\ntransports, culture\n{EN}")[1] == "en"


def test_a_menu_of_languages_is_in_each_of_them() -> None:
    assert codes("Français\nEnglish\nDeutsch\nItaliano\nTürkçe") == ["fr", "en", "de", "it", "tr"]
    assert [lang for lang, _ in runs("English | Español | Kiswahili")] == ["en", "es", "sw"]


def test_a_document_of_both_languages_is_mixed() -> None:
    found = label(f"{FR}\n{EN}")
    assert (found.label, found.lang, found.is_mixed, found.codes) == ("mixed", "mixed", True, ["fr", "en"])
    assert is_mixed(found.mix)
    assert sum(found.shares.values()) == pytest.approx(1.0)
    assert sum(part.chars for part in found.mix) == sum(map(str.isalpha, FR + EN))


def test_a_short_quotation_in_the_other_language_mixes_nothing() -> None:
    found = languages_of([FR] * 12 + ["It is not over, he said."])
    assert (found.label, found.is_mixed, found.codes[-1]) == ("fr", False, "en")
    assert 0.9 < found.score < 1


def test_other_languages_together_are_other() -> None:
    found = label(ES)
    assert (found.label, found.lang, found.mix[0].lang) == ("other", "es", "es")
    found = label(f"{ES}\nСовет города утвердил бюджет на следующий год, а жители ждут начала работ.")
    assert (found.label, found.is_mixed) == ("other", False)


def test_too_little_says_nothing() -> None:
    found = languages_of(["Awa Ndiaye", "Paul Eto Biloa", "12"])
    assert (found.label, found.score, found.mix) == ("und", 0.0, [])
    assert languages_of([]) == Languages(blocks=[], spans=[], label="und", score=0.0, mix=[])


def test_every_block_has_its_place_even_if_empty() -> None:
    texts = [FR, "", "Une ligne\npuis la suivante", EN]
    found = languages_of(texts)
    joined = "\n\n".join(texts)
    assert [joined[block.start : block.end] for block in found.blocks] == texts
    assert found.codes == ["fr", None, "fr", "en"]


def test_a_title_of_words_is_surer_than_a_name() -> None:
    title, sentence = label("Europe Today").blocks[0], label(EN).blocks[0]
    assert (title.lang, sentence.lang) == ("en", "en")
    assert title.confidence < sentence.confidence


def test_the_librarys_own_state_is_left_alone() -> None:
    from langdetect import detector_factory

    label(FR)
    assert detector_factory._factory is None


@pytest.mark.parametrize("seed", ["0", "1"])
def test_labels_do_not_depend_on_the_hash_seed_or_the_process(seed: str) -> None:
    texts = [FR, EN, f"{FR} {EN}", ES, "Bato nyonso bazali na makoki", "Kamer Echo\nAccueil"]
    code = f"from newscrawl.languages import label; print([repr(label(text)) for text in {texts!r}])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == str([repr(label(text)) for text in texts])


def test_what_was_read_before_changes_nothing() -> None:
    texts = [FR, EN, ES, f"{EN}\n{ES}\n{FR}", "Menu\nAccueil\nHome"]
    forwards = [label(text) for text in texts]
    assert [label(text) for text in reversed(texts)] == forwards[::-1]
