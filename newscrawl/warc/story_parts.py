"""Metadata fields that tie the page of a story to others: its witness, its first page, its other form."""

from __future__ import annotations

from typing import NamedTuple

WITNESS_FIELD = "witness"
"Where the archive has the story as a source gives it: a WitnessPointer as JSON."
SOURCE_RIGHTS_FIELD = "sourceRights"
"What the site's files say of the witness's own address, where that differs from what they say of the page's."
PART_FIELD = "partOf"
"Record id of the response that is the first page of the story."
NUMBER_FIELD = "pageNumber"
"Which page of the story it is: 2 for the second."
FORM_FIELD = "storyForm"
"In place of a number: the record is the first page's story in another form, such as `wordpress` or `amp`."
_MAX_DIGITS = 4


class StoryPart(NamedTuple):
    """Which page of which story an exchange is for."""

    first_id: str
    "Record id of the story's first page."
    number: int
    "0 for the first page's story in another form."
    form: str = ""
    "Name of that form; empty for a page."

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """The fields for the metadata record."""
        what = (FORM_FIELD, self.form) if self.form else (NUMBER_FIELD, str(self.number))
        return (PART_FIELD, self.first_id), what


def read_story_part(metadata: dict[str, str]) -> StoryPart | None:
    """The part that the fields of a metadata record name; None if they name none."""
    first_id, number = metadata.get(PART_FIELD), metadata.get(NUMBER_FIELD, "")
    if first_id and (form := metadata.get(FORM_FIELD)):
        return StoryPart(first_id, 0, form)
    if not first_id or not (number.isascii() and number.isdigit() and len(number) <= _MAX_DIGITS):
        return None
    return StoryPart(first_id, int(number))
