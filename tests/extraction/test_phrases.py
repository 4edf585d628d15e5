"""Phrases of boilerplate."""

import pytest

from newscrawl.extraction.phrases import find_phrase


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
