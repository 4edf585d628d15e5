"""Line rules inside a story."""

from lxml.html import Element

from newscrawl.parts import BlockKind
from newscrawl.text.blocks import RawBlock
from newscrawl.text.lines import Cleaned, byline_in, clean_lines

BODY = [f"La phrase numéro {number} du récit finit par un point." for number in range(1, 9)]


def blocks(*texts: str | tuple[BlockKind, str]) -> list[RawBlock]:
    pairs = [("p", one) if isinstance(one, str) else one for one in texts]
    return [RawBlock(kind=kind, text=text, element=Element("p")) for kind, text in pairs]  # type: ignore[arg-type]


def cleaned(*texts: str | tuple[BlockKind, str], lede: str | None = None) -> Cleaned:
    return clean_lines(
        blocks(*texts), titles={"le titre"}, lede=lede, captions={"une vue"}, linked={"un autre récit"}
    )


def kept(*texts: str | tuple[BlockKind, str], lede: str | None = None) -> list[str]:
    return [block.text for block in cleaned(*texts, lede=lede).blocks]


def test_the_headline_and_the_standfirst_are_not_repeated() -> None:
    assert kept(("h", "Le titre"), "Le chapô.", *BODY, lede="Le chapô.") == BODY


def test_the_headlines_words_may_return_far_below() -> None:
    assert kept(*BODY, "Le titre !", "La fin du récit est là.")[-2] == "Le titre !"


def test_captions_and_bare_links_go() -> None:
    assert (
        kept(BODY[0], "Une vue", ("caption", "Le fleuve"), BODY[1], ("li", "Un autre récit"), BODY[2])
        == BODY[:3]
    )


def test_a_label_takes_its_list_along() -> None:
    tail = ["READ MORE ON:", ("li", "bridge"), ("li", "river"), "ALSO READ", "A ferry sinks", "A road opens"]
    assert kept(*BODY, *tail) == BODY  # type: ignore[arg-type]


def test_a_label_in_the_middle_stops_at_the_next_paragraph() -> None:
    assert kept(BODY[0], "À lire aussi", "Le bac coule", *BODY[1:]) == BODY


def test_a_country_list_at_the_head_goes() -> None:
    assert kept(("li", "Country:"), ("li", "Freedonia"), *BODY) == BODY


def test_a_country_in_the_middle_of_a_list_stays() -> None:
    middle = [*BODY, "Country", *BODY]
    assert kept(*middle) == middle


def test_dates_and_bylines_go_and_the_byline_is_kept_apart() -> None:
    found = cleaned("Par Awa Ndiaye et AFP", "Publié le 8 mai 2025 à 09h30", *BODY)
    assert [block.text for block in found.blocks] == BODY
    assert found.byline == "Par Awa Ndiaye et AFP"
    assert [one.reason for one in found.removed] == ["byline", "byline"]


def test_an_empty_byline_goes() -> None:
    found = cleaned(*BODY, "Redigé par:")
    assert [block.text for block in found.blocks] == BODY
    assert found.byline is None


def test_a_sentence_is_no_byline() -> None:
    assert byline_in("Par Awa Ndiaye") == "Par Awa Ndiaye"
    assert byline_in("Par chance, personne n’était à bord") is None
    assert byline_in("By Tuesday the river had fallen. Nobody slept") is None


def test_a_heading_with_nothing_under_it_goes() -> None:
    assert kept(*BODY, ("h", "Suite")) == BODY
    assert kept(BODY[0], ("h", "Suite"), BODY[1]) == [BODY[0], "Suite", BODY[1]]


def test_all_that_goes_is_accounted_for() -> None:
    found = cleaned("Ajoutez votre titre ici", *BODY, "Laisser un commentaire")
    assert {(one.reason, one.sample) for one in found.removed} == {
        ("placeholder", "Ajoutez votre titre ici"),
        ("comments_form", "Laisser un commentaire"),
    }
