"""Drafted outlet files: valid, marked as guesses, and closed to hostile pages."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from newscrawl.discovery.drafting import Draft, draft_outlet, format_draft, suggest_outlet_id
from newscrawl.errors import NewscrawlError, OutletError
from newscrawl.outlet import Outlet, RuleOffer, read_outlet

PAGE = """<html lang="en-US"><head><title>Home - The Relay</title>
<meta property="og:site_name" content="The Relay"><meta property="og:locale" content="fr_FR">
<link rel="alternate" hreflang="fr-CM" href="/fr/"><link rel="alternate" hreflang="x-default" href="/">
<meta name="generator" content="WordPress 6.5"></head></html>"""


def draft(page: str = PAGE, home: str = "https://www.relay.cm/", robots: bytes | None = None) -> Draft:
    return draft_outlet(home, page.encode(), robots, ["https://relay.cm/feed/"], [])


def loaded(made: Draft, folder: Path) -> Outlet:
    path = folder / f"{made.name}.toml"
    path.write_text(format_draft(made), encoding="utf-8")
    return read_outlet(path)


def test_a_draft_becomes_an_outlet_file_that_loads(tmp_path: Path) -> None:
    outlet = loaded(draft(robots=b"Sitemap: /sitemap.xml"), tmp_path)
    assert (outlet.id, outlet.title, outlet.home) == ("relay", "The Relay", "https://www.relay.cm/")
    assert (outlet.country, outlet.timezone) == ("CM", "Africa/Douala")
    assert (outlet.languages, outlet.platform) == (["en", "fr"], "wordpress")
    assert (outlet.feeds, outlet.sitemaps) == (
        ["https://relay.cm/feed/"],
        ["https://www.relay.cm/sitemap.xml"],
    )
    assert outlet.status == "unverified"


def test_guesses_are_marked() -> None:
    lines = dict(line.split(" = ", 1) for line in format_draft(draft()).splitlines() if " = " in line)
    assert all("#" in lines[key] for key in ("country", "timezone", "kind", "platform", "status"))


def test_what_nothing_shows_is_missing_until_a_person_knows_it(tmp_path: Path) -> None:
    made = draft_outlet("https://relay.example/", b"", None, [], [])
    with pytest.raises(OutletError) as raised:
        loaded(made, tmp_path)
    assert {text.partition(":")[0] for text in raised.value.problems} == {"country", "languages", "timezone"}
    text = format_draft(made)
    for key, value in (("country", '"CM"'), ("languages", '["fr"]'), ("timezone", '"Africa/Douala"')):
        text = re.sub(f"^# {key} = .*$", f"{key} = {value}", text, flags=re.MULTILINE)
    (tmp_path / "relay.toml").write_text(text, encoding="utf-8")
    outlet = read_outlet(tmp_path / "relay.toml")
    assert (outlet.title, outlet.platform, outlet.feeds) == ("relay.example", None, [])


@pytest.mark.parametrize(
    ("data", "country"),
    [
        ('{"@type": "PostalAddress", "addressLocality": "Thetford", "addressCountry": "ca"}', "CA"),
        ('{"address": {"addressCountry": {"@type": "Country", "name": "BE"}}}', "BE"),
        ('{"addressCountry": "Atlantis"}', None),
        ('{"addressCountry": "XX"}', None),
    ],
)
def test_an_address_in_declared_data_gives_the_country(data: str, country: str | None) -> None:
    page = f'<html lang="fr-FR"><script type="application/ld+json">{data}</script>'
    assert draft(page=page, home="https://relay.example/").country == country


def test_a_telling_locale_stands_in_for_the_domain() -> None:
    assert draft(home="https://relay.example/").country == "CM"
    assert draft(page='<html lang="fr-FR">', home="https://relay.example/").country is None


@pytest.mark.parametrize(
    ("page", "platform"),
    [
        ('<meta name="generator" content="SPIP 4.2">', "spip"),
        ('<meta name="Generator" content="Joomla! - Open Source">', "joomla"),
        ('<script src="/wp-content/themes/x.js"></script>', "wordpress"),
        ('<a href="spip.php?article1">x</a>', "spip"),
        ('<img src="/sites/default/files/a.jpg">', "drupal"),
        ('<link href="/pf/dist/a.css">', "arc"),
        ("<p>/wp-content/ in a sentence</p>", None),
    ],
)
def test_the_platform_is_told_by_generator_or_addresses(page: str, platform: str | None) -> None:
    assert draft(page=page).platform == platform


@pytest.mark.parametrize(
    ("home", "name"),
    [
        ("https://www.example-presse.cm/", "example_presse"),
        ("https://relay.co.uk/", "relay"),
        ("https://fr.relay.example/", "fr_relay"),
        ("https://127.0.0.1:8000/", "127_0_0"),
        ("https://xn--caf-dma.example/", "xn_caf_dma"),
    ],
)
def test_the_host_gives_the_id(home: str, name: str) -> None:
    assert suggest_outlet_id(home) == name


def test_a_home_that_is_no_address_is_named_in_the_error() -> None:
    with pytest.raises(NewscrawlError, match="'ftp://x'"):
        draft_outlet("ftp://x", b"", None, [], [])


def test_a_hostile_title_stays_a_title(tmp_path: Path) -> None:
    title = 'x"\nspider = "os.system"\n[[rules]]\n# \\u0041 \x7f '
    page = f"<title>{title.replace(chr(34), '&quot;')}</title>"
    outlet = loaded(replace(draft(page=page), languages=("fr",)), tmp_path)
    assert outlet.spider is None
    assert outlet.rules == []
    assert outlet.title == 'x" spider = "os.system" [[rules]] # \\u0041'


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    title=st.text(alphabet=st.characters(exclude_categories=[])),
    page=st.binary(max_size=200),
    urls=st.lists(st.text(max_size=30) | st.text(max_size=20).map("https://a.example/".__add__), max_size=4),
)
def test_any_page_gives_a_file_that_loads(tmp_path: Path, title: str, page: bytes, urls: list[str]) -> None:
    made = draft_outlet("https://relay.example/", page, page, urls, urls)
    certain = replace(made, country="CM", languages=("fr",))
    assert loaded(certain, tmp_path).home == "https://relay.example/"
    wild = Draft(
        name="x",
        home=made.home,
        title=title,
        country=None,
        languages=(),
        platform=None,
        feeds=(),
        sitemaps=(),
    )
    assert set(tomllib.loads(format_draft(wild))) == {
        "title",
        "home",
        "kind",
        "status",
    }


def test_offered_rules_are_comments_that_are_a_rule_without_their_signs() -> None:
    made = replace(
        draft(),
        rule_offers=(
            RuleOffer("body", 'div[data-x="a"]', "one page\nis no article"),
            RuleOffer("exclude", "div.note", "“Lisez aussi”"),
        ),
    )
    text = format_draft(made)
    assert "rules" not in tomllib.loads(text)
    _, _, rule = text.partition("help:\n")
    bare = "\n".join(line.removeprefix("# ") for line in rule.splitlines())
    assert tomllib.loads(bare) == {"rules": [{"body": 'div[data-x="a"]', "exclude": ["div.note"]}]}
