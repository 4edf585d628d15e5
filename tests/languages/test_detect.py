"""Languages of documents, blocks and runs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from newscrawl.languages import Languages, detect_block_languages, detect_languages, is_mixed

FR = "Le conseil a voté mardi le budget de la ville, et les habitants attendent maintenant les travaux."
ES = "Los vecinos esperan desde hace años que el ayuntamiento arregle la carretera del pueblo."
EN = (
    "The council voted on Tuesday for the budget of the town, and its people now wait for the works to begin."
)


def runs(text: str) -> list[tuple[str, str]]:
    return [(span.lang, text[span.start : span.end].strip()) for span in detect_languages(text).spans]


def codes(text: str) -> list[str | None]:
    return detect_languages(text).codes


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
def test_the_language_of_a_line_is_detected(text: str, code: str) -> None:
    assert codes(text) == [code]


@pytest.mark.parametrize(
    "text",
    ["12 345", "https://echo.example/a", "Awa Ndiaye", "Jean Mvondo", "N'Djamena", "AFP - OMS", "WHO", "x",
     "— § —", "#CAN2025", "redaction@echo.example", "COP28", "WhatsApp", "🙂🙂", "Kim Jong-un"],
)  # fmt: skip
def test_names_numbers_and_addresses_have_no_language(text: str) -> None:
    assert codes(text) == [None]
    assert detect_languages(text).blocks[0].confidence == 0


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
    span = detect_languages(text).spans[1]
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
    found = detect_languages(f"{FR}\n{EN}")
    assert (found.label, found.lang, found.is_mixed, found.codes) == ("mixed", "mixed", True, ["fr", "en"])
    assert is_mixed(found.mix)
    assert sum(found.shares.values()) == pytest.approx(1.0)
    assert sum(part.chars for part in found.mix) == sum(map(str.isalpha, FR + EN))


def test_a_short_quotation_in_the_other_language_mixes_nothing() -> None:
    found = detect_block_languages([FR] * 12 + ["It is not over, he said."])
    assert (found.label, found.is_mixed, found.codes[-1]) == ("fr", False, "en")
    assert 0.9 < found.score < 1


def test_other_languages_together_are_other() -> None:
    found = detect_languages(ES)
    assert (found.label, found.lang, found.mix[0].lang) == ("other", "es", "es")
    found = detect_languages(
        f"{ES}\nСовет города утвердил бюджет на следующий год, а жители ждут начала работ."
    )
    assert (found.label, found.is_mixed) == ("other", False)


def test_too_little_text_is_undetermined() -> None:
    found = detect_block_languages(["Awa Ndiaye", "Paul Eto Biloa", "12"])
    assert (found.label, found.score, found.mix) == ("und", 0.0, [])
    assert detect_block_languages([]) == Languages(blocks=[], spans=[], label="und", score=0.0, mix=[])


def test_every_block_has_its_place_even_if_empty() -> None:
    texts = [FR, "", "Une ligne\npuis la suivante", EN]
    found = detect_block_languages(texts)
    joined = "\n\n".join(texts)
    assert [joined[block.start : block.end] for block in found.blocks] == texts
    assert found.codes == ["fr", None, "fr", "en"]


def test_a_title_of_words_is_surer_than_a_name() -> None:
    title, sentence = detect_languages("Europe Today").blocks[0], detect_languages(EN).blocks[0]
    assert (title.lang, sentence.lang) == ("en", "en")
    assert title.confidence < sentence.confidence


def test_the_librarys_own_state_is_left_alone() -> None:
    from langdetect import detector_factory

    detect_languages(FR)
    assert detector_factory._factory is None


@pytest.mark.parametrize("seed", ["0", "1"])
def test_labels_do_not_depend_on_the_hash_seed_or_the_process(seed: str) -> None:
    texts = [FR, EN, f"{FR} {EN}", ES, "Bato nyonso bazali na makoki", "Kamer Echo\nAccueil"]
    code = (
        "from newscrawl.languages import detect_languages; "
        f"print([repr(detect_languages(text)) for text in {texts!r}])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == str([repr(detect_languages(text)) for text in texts])


def test_what_was_read_before_changes_nothing() -> None:
    texts = [FR, EN, ES, f"{EN}\n{ES}\n{FR}", "Menu\nAccueil\nHome"]
    forwards = [detect_languages(text) for text in texts]
    assert [detect_languages(text) for text in reversed(texts)] == forwards[::-1]


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
    "Hungarian": "A városi tanács kedden elfogadta a jövő évi költségvetést, és több pénzt ad az iskoláknak.",
    "Czech": "Zastupitelstvo v úterý schválilo rozpočet na příští rok a více peněz na školy.",
}


@pytest.mark.parametrize("code", KNOWN)
def test_a_language_with_a_profile_is_named_surely(code: str) -> None:
    found = detect_languages(KNOWN[code])
    assert (found.label, found.lang, found.codes) == ("other", code, [code])
    assert found.score > 0.5


@pytest.mark.parametrize("code", BY_SCRIPT)
def test_a_script_identifies_a_language_less_surely_if_others_share_it(code: str) -> None:
    found = detect_languages(BY_SCRIPT[code])
    assert (found.lang, found.label) == (code, "other")
    assert found.score == (0.8 if code in {"ar", "ru"} else 0.95)


@pytest.mark.parametrize("code", WITHOUT_PROFILE)
def test_function_words_name_a_language_that_has_no_profile_without_being_sure(code: str) -> None:
    found = detect_languages(WITHOUT_PROFILE[code])
    assert (found.label, found.lang) == ("other", code)
    assert found.score <= 0.7


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_language_nobody_knows_is_other_and_never_surely_another(name: str) -> None:
    found = detect_languages(UNKNOWN[name])
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
    found = detect_languages(text)
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
    found = detect_languages(text).blocks[0]
    assert found.lang == "other" or found.confidence < 0.8


def test_names_and_rare_words_leave_a_line_its_confidence() -> None:
    for text in (
        "Paul Biya et Maurice Kamto sont en visite à Garoua.",
        "Le maïs pluvial lève malgré la sécheresse.",
    ):
        assert detect_languages(text).blocks[0].confidence > 0.95


def test_scripts_in_one_line_are_runs() -> None:
    text = "Le mot Привет друзья signifie bonjour à tous"
    spans = [(span.lang, text[span.start : span.end].strip()) for span in detect_languages(text).spans]
    assert spans == [("fr", "Le mot"), ("ru", "Привет друзья"), ("fr", "signifie bonjour à tous")]


def test_a_greek_letter_is_a_symbol() -> None:
    assert detect_languages("La particule mesure 5 μ de large selon les chercheurs").codes == ["fr"]


def test_a_guests_quotation_in_a_long_paragraph_is_a_run() -> None:
    before = "Le maire a rappelé devant la presse que la route du village avait été promise il y a dix ans"
    after = "a répondu un habitant de la région, et le budget de la commune ne suffit pas pour la réparer"
    found = detect_languages(
        f"{before}, « los vecinos no quieren esperar más », {after}, malgré les demandes du conseil."
    )
    assert [span.lang for span in found.spans] == ["fr", "es", "fr"]
    assert found.label == "fr"


SHORT_TEXTS = {
    "ht": (
        "Prezidan an di peyi a bezwen plis lekòl pou timoun yo.",
        "Kounye a, yo pa ka travay paske pa gen kouran.",
        "Li te di yo ap vini demen maten.",
        "Nou pa konnen ki lè bato a ap rive nan pò a.",
        "Chofè yo ap fè grèv paske pri gaz la monte.",
    ),
    "gcf": (
        "Moun Matinik ka mandé plis travay ba jenn moun peyi-a.",
        "Sé timoun-la pa ay lékol jòdi-a pas pa té ni bis.",
        "Pèchè-la touvé on gwo pwason an lanmè-la.",
        "Polis-la arété dé nonm yè oswè.",
        "Nou pa sav ki tan yo ké viré wouvè pòt-la.",
    ),
    "rw": (
        "Perezida yavuze ko igihugu gikeneye amashuri menshi.",
        "Abaturage bo mu karere ka Huye bavuga ko nta mazi bafite.",
        "Minisitiri w'ubuzima yasabye abantu kwitonda kubera icyorezo.",
        "Ikipe y'igihugu yatsinze umukino wa kabiri.",
    ),
    "ln": (
        "Mokonzi ya mboka alobi ete bato basengeli kosala mingi.",
        "Mbula ebebisaki bandako ebele na Bandundu.",
        "Minisele alobaki ete lopango ya Leta ekofungwama lobi.",
        "Balakisi batiki mosala mpo bafutaki bango te.",
    ),
}


@pytest.mark.parametrize(
    ("code", "text"), [(code, text) for code, texts in SHORT_TEXTS.items() for text in texts]
)
def test_a_short_text_in_a_language_without_a_profile_is_named(code: str, text: str) -> None:
    assert detect_languages(text).lang == code


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("fr", "Il te dit que le pou est mort sous la table."),
        ("fr", "Jacques Ki et Mariam Ba ont ouvert une école à Kandi, au Bénin."),
        ("fr", "Le prix du pain a grimpé de dix centimes lundi."),
        ("en", "Gen Ari Ba said that the troops would leave by May."),
        ("en", "He can gen up on the tap and the bay."),
        ("sw", "Rais alisema kwamba watu wengi wanahitaji maji na umeme katika mji huo."),
        ("it", "Gli operai li hanno visti ieri sera al porto."),
    ],
)
def test_particles_alone_take_no_text_from_its_language(code: str, text: str) -> None:
    assert detect_languages(text).lang == code


NAMES_IN_FRENCH = (
    "Voici les films nommés :\nThe Long Way Home\nA Night in the City\nUnder the Bridge\n"
    "Le jury rendra sa décision le 12 mars, après une semaine de projections au palais du festival.",
    "Le groupe possède plusieurs journaux, dont The Daily Telegraph, The Spectator, The Irish Times et The "
    "Jerusalem Post. Il veut en vendre deux avant la fin de l'année, a annoncé sa direction.",
    "Les équipes qualifiées sont connues.\nManchester City\nNewcastle United\nWest Ham United\n"
    "Leeds United\nLe tirage aura lieu vendredi à midi au siège de la fédération.",
)
NAMES_IN_ENGLISH = (
    "The roads that will close:\nRue de la République\nAvenue du Général de Gaulle\nPlace de la Mairie\n"
    "The mayor said that buses would run along the river until the work is over.",
    "Winners: Les Enfants du Fleuve, La Maison de la Colline, Une Nuit à Dakar, Le Retour du Père. "
    "The jury met for nine days and saw more than two hundred films.",
    "The committee is made up of Ministère de la Culture, Conseil des Arts du Canada and Musée de la "
    "Civilisation, École Sainte-Marie. It meets twice a year in Quebec City.",
)


@pytest.mark.parametrize(
    ("code", "text"),
    [*(("fr", text) for text in NAMES_IN_FRENCH), *(("en", text) for text in NAMES_IN_ENGLISH)],
)
def test_a_list_of_the_other_languages_names_makes_no_text_mixed(code: str, text: str) -> None:
    assert detect_languages(text).label == code


@pytest.mark.parametrize(
    "text",
    [
        "Le conseil a voté la loi mardi soir. The council passed the law on Tuesday night, and left.",
        "Bienvenue à tous nos lecteurs.\nWelcome to all our readers.\nThe paper appears daily.",
        f"{FR}\nThe Daily Post\nThe Evening Star\nThe Morning Sun\n{EN}",
    ],
)
def test_sentences_of_the_other_language_make_a_text_mixed(text: str) -> None:
    assert detect_languages(text).label == "mixed"
