"""Languages of blocks and of documents."""

import os
import subprocess
import sys

import pytest

from newscrawl.text.language import is_mixed, languages_of

FR = "Le conseil a voté mardi le budget de la ville, et les habitants attendent maintenant les travaux."
ES = "Los vecinos esperan desde hace años que el ayuntamiento arregle la carretera del pueblo."
EN = (
    "The council voted on Tuesday for the budget of the town, and its people now wait for the works to begin."
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (FR, "fr"),
        (FR.upper(), "fr"),
        ("Les eleves ont ete recus par le directeur avant les vacances.", "fr"),
        (EN, "en"),
        (ES, "es"),
        ("Die Gemeinde hat am Dienstag beschlossen, dass die Schule neu gebaut werden soll.", "de"),
        ("Wananchi wa kijiji hicho wamesema kwamba barabara hiyo itajengwa mwaka ujao.", "sw"),
        ("Совет города утвердил бюджет на следующий год.", "ru"),
        ("وافق المجلس على ميزانية المدينة للسنة القادمة", "ar"),
        ("市议会星期二通过了明年的预算。", "zh"),
        ("市議会は火曜日に来年の予算を可決した。", "ja"),
    ],
)
def test_a_sentence_is_known_by_its_language(text: str, code: str) -> None:
    assert languages_of([text]).blocks == [code]


@pytest.mark.parametrize("text", ["12 345", "https://echo.example/a", "Awa Ndiaye", "x", "— § —", ""])
def test_names_numbers_and_addresses_have_no_language(text: str) -> None:
    assert languages_of([text]).blocks == [None]


def test_a_document_of_both_languages_is_mixed() -> None:
    found = languages_of([FR, EN])
    assert (found.label, found.blocks) == ("mixed", ["fr", "en"])
    assert is_mixed(found.mix)
    assert sum(part.share for part in found.mix) == pytest.approx(1.0)


def test_a_short_quotation_in_the_other_language_mixes_nothing() -> None:
    found = languages_of([FR] * 12 + ["It is not over, he said."])
    assert (found.label, is_mixed(found.mix)) == ("fr", False)
    assert found.score < 1


def test_other_languages_together_are_other() -> None:
    found = languages_of(
        ["Los vecinos esperan desde hace años que el ayuntamiento arregle la carretera del pueblo."]
    )
    assert (found.label, found.mix[0].lang) == ("other", "es")


def test_too_little_says_nothing() -> None:
    found = languages_of(["Awa Ndiaye", "Paul Eto Biloa", "12"])
    assert (found.label, found.score, found.mix) == ("und", 0.0, [])
    assert languages_of([]).label == "und"


def test_a_short_line_leans_on_the_document() -> None:
    assert languages_of([FR, "transports, culture", FR]).blocks[1] == "fr"
    assert languages_of([EN, "transports, culture", EN]).blocks[1] == "en"


def test_the_librarys_own_state_is_left_alone() -> None:
    from langdetect import detector_factory

    languages_of([FR])
    assert detector_factory._factory is None


@pytest.mark.parametrize("seed", ["0", "1"])
def test_labels_do_not_depend_on_the_hash_seed(seed: str) -> None:
    code = f"from newscrawl.text.language import languages_of; print(repr(languages_of([{FR!r}, {EN!r}])))"
    command = [sys.executable, "-c", code]
    run = subprocess.run(
        command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == repr(languages_of([FR, EN]))
