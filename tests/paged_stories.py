"""Stories of our own making that are spread over several pages, in the forms that sites have for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from stories_made import TITLE, paragraphs, tagged
from stories_made import page as site_page

Style = Literal["numbers", "next", "french"]
STANDFIRST = "A wall that was never meant to last is rebuilt, and the harbour pays for it with a tax on nets."
BIO = "Ines Halder has covered harbours and their walls for this newspaper since she left the sea."
SENTENCES_APART = 60
"Sentences between the first of a page and the first of the next, so that no two pages share any."
PAGE_CHARS = 900


@dataclass(frozen=True, kw_only=True, slots=True)
class PagedStory:
    """A story over `count` pages at `path`, with its headline, standfirst and byline on each."""

    path: str = "/2026/wall/"
    count: int = 3
    style: Style = "numbers"
    with_bio: bool = False
    "Whether every page ends with a line about the author."

    def address(self, number: int) -> str:
        return self.path if number == 1 else f"{self.path}{number}/"

    def lines(self, number: int) -> list[str]:
        """The paragraphs of a page that are on no other."""
        return paragraphs(PAGE_CHARS, skip=SENTENCES_APART * number)

    @property
    def text(self) -> list[str]:
        """The paragraphs of the whole story."""
        lines = [line for number in range(1, self.count + 1) for line in self.lines(number)]
        return [*lines, BIO] if self.with_bio else lines

    def html(self, number: int, lines: list[str] | None = None, links: str | None = None) -> str:
        """A page; with other paragraphs or other links to pages where they are given."""
        inside = tagged((self.lines(number) if lines is None else lines) + ([BIO] if self.with_bio else []))
        top = f"<h1>{TITLE}</h1><p class=standfirst>{STANDFIRST}</p><p class=byline>By Ines Halder</p>"
        paging = self.links(number) if links is None else links
        head = f'<link rel=canonical href="{self.address(number)}">'
        head += f'<meta name=description content="{STANDFIRST}">'
        return site_page(f"<article>{top}{inside}{paging}</article>", head=head)

    def links(self, number: int) -> str:
        if self.style == "numbers":
            numbers = (
                f"<span>{at}</span>" if at == number else f'<a href="{self.address(at)}">{at}</a>'
                for at in range(1, self.count + 1)
            )
            return f"<div class=page-links>Pages: {' '.join(numbers)}</div>"
        words = ("Previous", "Next") if self.style == "next" else ("Page précédente", "Page suivante")
        turned = (
            f'<a href="{self.address(at)}">{word}</a>'
            for word, at in zip(words, (number - 1, number + 1), strict=True)
            if 1 <= at <= self.count
        )
        return f"<p>Page {number} / {self.count} {' '.join(turned)}</p>"
