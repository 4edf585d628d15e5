"""Attributes that hide an element."""

import pytest

from newscrawl.extraction.hiding import HIDDEN_STYLE, find_hiding, is_for_screen_readers, is_hint_class


@pytest.mark.parametrize(
    "attribute",
    [
        ("class", "link sr-only"),
        ("class", "u-visuallyhidden"),
        ("class", "Tooltip__text"),
        ("style", "color: red"),
        ("role", "tooltip"),
        ("hidden", ""),
        ("aria-hidden", "true"),
    ],
)
def test_an_attribute_that_may_hide_its_element_is_found(attribute: tuple[str, str]) -> None:
    assert find_hiding([("id", "a"), attribute, ("data-x", "sr-only")]) == [attribute]


@pytest.mark.parametrize("classes", ["", "story", "user-only", "screen", "tooltip-wrapper", "not-sr-onlyish"])
def test_other_classes_hide_nothing(classes: str) -> None:
    assert find_hiding([("class", classes), ("id", "sr-only"), ("href", "/hidden")]) == []


@pytest.mark.parametrize(
    ("attributes", "is_hidden"),
    [
        ([("class", "screen-reader-text")], True),
        ([("style", "position:absolute;clip:rect(0 0 0 0)")], True),
        ([("style", "position: absolute; clip-path: inset(50%)")], True),
        ([("style", "clip:rect(0 0 0 0)")], False),
        ([("style", "position:absolute;left:0")], False),
        ([("class", "tooltip-text"), ("hidden", "")], False),
        ([], False),
    ],
)
def test_what_only_screen_readers_read(attributes: list[tuple[str, str]], is_hidden: bool) -> None:
    assert is_for_screen_readers(attributes) == is_hidden


def test_hints_and_hidden_styles() -> None:
    assert is_hint_class("box tippy-content")
    assert not is_hint_class("tip")
    assert HIDDEN_STYLE.search("Display : None")
    assert not HIDDEN_STYLE.search("display:block")
