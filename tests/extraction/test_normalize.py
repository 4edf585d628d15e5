"""Strings as they are kept and compared."""

from hypothesis import given
from hypothesis import strategies as st

from newscrawl.extraction.normalize import cut, key, plain, tidy, tidy_lines


def test_white_space_of_every_kind_becomes_one_space() -> None:
    assert tidy(" un\u00a0mot\u202f:\tdeux\r\n trois ") == "un mot : deux trois"


def test_what_is_invisible_goes_and_accents_are_composed() -> None:
    assert tidy("e\u0301cole\u00ad\u200b\ufeff\x07") == "école"


@given(st.text(st.characters(codec=None, exclude_categories=[])))
def test_no_string_stays_that_utf8_cannot_hold(text: str) -> None:
    assert tidy(text).encode("utf-8") is not None
    assert tidy(tidy(text)) == tidy(text)


def test_lines_of_a_table_stay_lines() -> None:
    assert tidy_lines("a \n\n\n b\tc") == "a\nb c"


def test_spellings_of_one_line_share_a_key() -> None:
    assert key("« Lire aussi\u00a0: »") == key("LIRE AUSSI :") == "lire aussi"
    assert key("L’école – demain") == key("l'école - demain")


def test_plain_keeps_the_colon_and_drops_the_space_before_it() -> None:
    assert plain("À lire\u00a0: Titre") == "à lire: titre"


def test_cut_is_a_limit() -> None:
    assert cut("abcdef", 3) == "abc"
    assert cut("ab", 3) == "ab"
