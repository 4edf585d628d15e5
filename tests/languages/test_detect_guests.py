"""Languages besides French and English: named where they are known, and said as surely as they are."""

from __future__ import annotations

import pytest

from newscrawl.languages import label

KNOWN = {
    "de": "Die Gemeinde hat am Dienstag beschlossen, dass die Schule im Jahr darauf neu gebaut wird.",
    "es": "Los vecinos esperan desde hace años que el ayuntamiento arregle la carretera del pueblo.",
    "it": "Il consiglio comunale ha approvato martedì il bilancio della città e gli abitanti sono contenti.",
    "pt": "Os moradores ainda não sabem quando a câmara vai começar as obras na estrada da aldeia.",
    "nl": "De gemeenteraad heeft dinsdag besloten dat er volgend jaar een nieuwe school wordt gebouwd.",
    "sw": "Wananchi wa kijiji hicho wamesema kwamba barabara hiyo itajengwa mwaka ujao.",
    "tr": "Belediye meclisi salı günü gelecek yılın bütçesini kabul etti ve yeni okul için para ayırdı.",
}
BY_SCRIPT = {
    "ar": "وافق المجلس على ميزانية المدينة للسنة القادمة",
    "fa": "شورای شهر بودجه سال آینده را تصویب کرد و گفت که پل ساخته می‌شود",
    "ru": "Совет города утвердил бюджет на следующий год.",
    "uk": "Міська рада ухвалила бюджет на наступний рік.",
    "zh": "市议会星期二通过了明年的预算。",
    "ja": "市議会は火曜日に来年の予算を可決した。",
    "el": "Το δημοτικό συμβούλιο ενέκρινε τον προϋπολογισμό.",
}
WITHOUT_PROFILE = {
    "ln": "Bato nyonso bazali na makoki, mpe guvernema elobaki ete mosala ekobanda na sanza oyo ezali koya.",
    "pcm": "Pipo wey dey for di area dey happy because e don tey wey dem dey wait, na so di tori be.",
    "ha": "Shugaban gwamnati ya ce za su gina sabuwar hanya a cikin wannan shekara domin jama'ar ƙasa.",
}
UNKNOWN = {
    "Finnish": "Kaupunginvaltuusto hyväksyi tiistaina ensi vuoden talousarvion ja lisäsi rahaa kouluille.",
    "Kinyarwanda": "Abaturage bagomba gukorera hamwe kugira ngo igihugu cyabo gitere imbere.",
    "Czech": "Zastupitelstvo v úterý schválilo rozpočet na příští rok a více peněz na školy.",
}


@pytest.mark.parametrize("code", KNOWN)
def test_a_language_with_a_profile_is_named_surely(code: str) -> None:
    found = label(KNOWN[code])
    assert (found.label, found.lang, found.codes) == ("other", code, [code])
    assert found.score > 0.5


@pytest.mark.parametrize("code", BY_SCRIPT)
def test_a_script_tells_a_language_but_not_surely_where_others_share_it(code: str) -> None:
    found = label(BY_SCRIPT[code])
    assert (found.lang, found.label) == (code, "other")
    assert found.score == (0.8 if code in {"ar", "ru"} else 0.95)


@pytest.mark.parametrize("code", WITHOUT_PROFILE)
def test_function_words_name_a_language_that_has_no_profile_without_being_sure(code: str) -> None:
    found = label(WITHOUT_PROFILE[code])
    assert (found.label, found.lang) == ("other", code)
    assert found.score <= 0.7


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_language_nobody_knows_is_other_and_never_surely_another(name: str) -> None:
    found = label(UNKNOWN[name])
    assert (found.label, found.lang) == ("other", "other")
    assert found.score <= 0.5


@pytest.mark.parametrize(
    "text",
    [
        "Aare orile-ede so pe oun ko ni gba ki awon janduku maa pa awon ara ilu mo.",
        "Gomina so fun awon oniroyin pe owo osu awon osise yoo jade ki ose yii to pari.",
        "Ijoba ipinle naa ti kede pe awon akeeko yoo pada leyin ti won ti fowo si adehun.",
    ],
)
def test_yoruba_typed_without_accents_is_yoruba(text: str) -> None:
    found = label(text)
    assert (found.label, found.lang) == ("other", "yo")
    assert found.score <= 0.7


@pytest.mark.parametrize(
    "text",
    [
        "Premie minis finn dir ki gouvernma pou ed bann dimounn zordi.",
        "Adewale Bamidele Ogunleye je Alakoso Agba Naijiria.",
        "Gallia est omnis divisa in partes quarum unam incolunt Belgae.",
        "Dywedodd y prif weinidog y bydd y llywodraeth yn helpu ffermwyr.",
    ],
)
def test_a_shared_word_or_two_do_not_make_a_line_surely_french_or_english(text: str) -> None:
    found = label(text).blocks[0]
    assert found.lang == "other" or found.confidence < 0.8


def test_names_and_rare_words_leave_a_line_its_confidence() -> None:
    for text in (
        "Paul Biya et Maurice Kamto sont en visite à Garoua.",
        "Le maïs pluvial lève malgré la sécheresse.",
    ):
        assert label(text).blocks[0].confidence > 0.95


def test_scripts_in_one_line_are_runs() -> None:
    text = "Le mot Привет друзья signifie bonjour à tous"
    spans = [(span.lang, text[span.start : span.end].strip()) for span in label(text).spans]
    assert spans == [("fr", "Le mot"), ("ru", "Привет друзья"), ("fr", "signifie bonjour à tous")]


def test_a_greek_letter_is_a_symbol() -> None:
    assert label("La particule mesure 5 μ de large selon les chercheurs").codes == ["fr"]


def test_a_guests_quotation_in_a_long_paragraph_is_a_run() -> None:
    before = "Le maire a rappelé devant la presse que la route du village avait été promise il y a dix ans"
    after = "a répondu un habitant de la région, et le budget de la commune ne suffit pas pour la réparer"
    found = label(
        f"{before}, « los vecinos no quieren esperar más », {after}, malgré les demandes du conseil."
    )
    assert [span.lang for span in found.spans] == ["fr", "es", "fr"]
    assert found.label == "fr"
