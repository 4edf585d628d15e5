"""Normalization of strings for storing and comparing."""

from hypothesis import given
from hypothesis import strategies as st

from newscrawl.extraction.normalize import fold, match_key, normalize_lines, normalize_spaces, truncate


def test_white_space_of_every_kind_becomes_a_single_space() -> None:
    assert normalize_spaces(" un\u00a0mot\u202f:\tdeux\r\n trois ") == "un mot : deux trois"


def test_invisible_characters_go_and_accents_are_composed() -> None:
    assert normalize_spaces("e\u0301cole\u00ad\u200b\ufeff\x07") == "école"


@given(st.text(st.characters(codec=None, exclude_categories=[])))
def test_every_result_can_be_encoded_as_utf8(text: str) -> None:
    assert normalize_spaces(text).encode("utf-8") is not None
    assert normalize_spaces(normalize_spaces(text)) == normalize_spaces(text)


def test_line_breaks_stay_in_preformatted_text() -> None:
    assert normalize_lines("a \n\n\n b\tc") == "a\nb c"


def test_spellings_of_a_line_share_a_key() -> None:
    assert match_key("« Lire aussi\u00a0: »") == match_key("LIRE AUSSI :") == "lire aussi"
    assert match_key("L’école – demain") == match_key("l'école - demain")


def test_folding_removes_the_space_before_a_colon() -> None:
    assert fold("À lire\u00a0: Titre") == "à lire: titre"


def test_truncation_is_a_limit() -> None:
    assert truncate("abcdef", 3) == "abc"
    assert truncate("ab", 3) == "ab"
