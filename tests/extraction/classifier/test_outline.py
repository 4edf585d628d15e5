"""The outline of a page as arrays, and the words in the names of its elements."""

import pytest

from newscrawl.extraction.classifier.outline import WORD_NAMES, divide_names, word_bits


def families(names: str) -> set[str]:
    bits = word_bits(names)
    return {name for at, name in enumerate(WORD_NAMES) if bits >> at & 1}


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ("siteNav", {"nav"}),
        ("article-body__content", {"article", "body"}),
        ("c-authorBox", {"author", "box"}),
        ("sharing-tools", {"share"}),
        ("top ads", {"advert"}),
        ("top-ad-slot", {"advert"}),
        ("gadget readers", set()),
        ("tagged stage", set()),
        ("tags_list", {"tag", "list"}),
        ("subtitle", {"lede"}),
        ("x1 Ωmega 12", set()),
        ("", set()),
    ],
)
def test_names_show_what_an_element_is_for(names: str, found: set[str]) -> None:
    assert families(names) == found


def test_a_word_begins_at_a_capital_amid_a_name() -> None:
    assert divide_names("siteNav mainURL") == "site-nav main-url"
    assert divide_names("plain-names 12") == "plain-names 12"
    assert divide_names("x" * 500) == "x" * 200
