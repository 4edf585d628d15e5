"""The account of a page: who had the last word on each block."""

from dataclasses import replace

from newscrawl.extraction.body import STORY
from newscrawl.extraction.explain import Audit, audit_of, tallies_of
from newscrawl.extraction.extract import Explained, explained

URL = "https://echo.example/2026/04/le-moulin"
PARAGRAPHS = [
    f"Le moulin numéro {number} a tourné toute la nuit, et le meunier de {place} n’a pas dormi, dit-il."
    for number, place in enumerate(("Valmer", "Sombreval", "Ronquières", "Bellefosse"), 1)
]
PAGE = (
    "<html lang=fr><head><title>Les moulins tournent la nuit</title></head><body>"
    "<div id='top links' class='a b c'><a href=/>Accueil de notre site</a></div>"
    "<article><h1>Les moulins tournent la nuit</h1>"
    f"{''.join(f'<p>{one}</p>' for one in PARAGRAPHS)}</article>"
    "</body></html>"
)


def read() -> Explained:
    return explained(PAGE.encode(), URL)


def decided(audit: Audit, text: str) -> str | None:
    return next(line.decided_by for line in audit.lines if line.text == text)


def test_a_choice_taken_whole_is_that_of_the_second_opinion() -> None:
    found = read()
    assert found.body
    story = replace(found.body.story, taken_whole=True)
    audit = audit_of(replace(found, body=replace(found.body, story=story)))
    assert {decided(audit, text) for text in PARAGRAPHS} == {"opinion"}
    assert {decided(audit_of(found), text) for text in PARAGRAPHS} == {"judge"}


def test_a_place_is_named_as_a_selector_would() -> None:
    where = {line.text: line.where for line in audit_of(read()).lines}
    assert where["Accueil de notre site"] == "div#top.a.b"
    assert where[PARAGRAPHS[0]] == "article > p"


def test_blocks_of_a_page_that_was_refused_have_no_verdict() -> None:
    audit = audit_of(replace(read(), body=None))
    assert {(line.verdict, line.decided_by, line.likely, line.kept) for line in audit.lines} == {
        (None, None, None, False)
    }


def test_tallies_hold_every_block_and_begin_with_the_story() -> None:
    audit = audit_of(read())
    tallies = tallies_of(audit.lines)
    assert tallies[0].verdict == STORY
    assert tallies[0].chars == sum(map(len, PARAGRAPHS))
    assert sum(tally.blocks for tally in tallies) == len(audit.lines)
