"""Pages that hold no story, and the reasons."""

import pytest

from newscrawl.extraction import extract
from newscrawl.items import Rejection

URL = "https://echo.example/2025/a"


def reason(html: str, url: str = URL, status: int | None = 200) -> str:
    found = extract(f"<html>{html}</html>".encode(), url, status=status)
    assert isinstance(found, Rejection)
    assert found.step == "extract"
    return found.reason


COLLECTION = '<script type="application/ld+json">{"@type": "CollectionPage"}</script>'
TEASERS = "".join(f'<h2><a href="/{n}">La nouvelle numéro {n} du jour</a></h2>' for n in range(12))


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<body></body>", "no_text"),
        ("<body><h1>Photo du jour</h1><p>Brume.</p></body>", "too_short"),
        ("<head><title>Page non trouvée</title></head><body><p>Rien ici.</p></body>", "error_page"),
        ("<head><title>404 - Echo</title></head><body><p>Nothing.</p></body>", "error_page"),
        ("<head><title>Just a moment...</title></head><body><p>Checking.</p></body>", "bot_wall"),
        ('<head><meta http-equiv="refresh" content="0; url=/b"></head><body>Suite.', "meta_refresh"),
        ('<head></head><frameset cols="1,2"><frame src="a"></frameset>', "frames"),
        ("<body><noscript>You need JavaScript.</noscript><script src=a></script></body>", "script_only"),
        ('<body><div id="app"></div><script src="a.js"></script></body>', "script_only"),
        (f'<body class="archive category"><h1>Sport</h1>{TEASERS}</body>', "listing"),
        (f"<head>{COLLECTION}</head><body>{TEASERS}</body>", "listing"),
    ],
)  # fmt: skip
def test_each_kind_has_its_reason(html: str, expected: str) -> None:
    assert reason(html) == expected


def test_an_error_status_is_rejected() -> None:
    assert (
        reason("<body><p>" + "Un long texte qui ressemble à un récit. " * 20 + "</p></body>", status=404)
        == "error_page"
    )


@pytest.mark.parametrize(
    "url", ["https://echo.example/", "https://echo.example/category/sport/", "https://echo.example/tag/pont/"]
)
def test_a_listing_address_with_teasers_is_a_listing(url: str) -> None:
    assert reason(f"<body><h1>Sport</h1>{TEASERS}</body>", url) == "listing"


@pytest.mark.parametrize(
    "url", ["", "echo.example/a", "ftp://echo.example/a", "http://[x", "https://echo.example:99999/"]
)
def test_an_invalid_address_is_rejected(url: str) -> None:
    assert reason("<body><p>x</p></body>", url) == "bad_url"
