"""Pages that hold no story, and the reasons."""

import pytest
from stories_made import paragraphs, tagged

from newscrawl.extraction import extract
from newscrawl.items import Article, Rejection

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


HOME = "https://echo.example/"
STORY = tagged(paragraphs(1_500))
SHORT_STORY = tagged(paragraphs(480))


@pytest.mark.parametrize(
    ("html", "url"),
    [
        (f"<body><h1>Le mur du quai</h1>{STORY}</body>", HOME),
        (f"<body><h1>Le mur du quai</h1>{STORY}{TEASERS}</body>", HOME),
        (f"<body><h1>Le mur du quai</h1>{STORY}{TEASERS}</body>", f"{HOME}archives/le-mur-du-quai/"),
        (f'<body class="archive category"><h1>Le mur du quai</h1>{STORY}{TEASERS}</body>', URL),
        (f"<head>{COLLECTION}</head><body><h1>Le mur du quai</h1>{STORY}{TEASERS}</body>", URL),
        (f"<body>{STORY}{TEASERS}</body>", f"{HOME}page/le-mur-du-quai"),
        (f"<head><title>404 mètres de mur au quai</title></head><body>{SHORT_STORY}</body>", URL),
        (f"<head><title>Page not found in the mayor's book</title></head><body>{SHORT_STORY}</body>", URL),
        (f'<head><meta http-equiv="refresh" content="20; url={URL}"></head><body>{SHORT_STORY}</body>', URL),
        (f"<frameset cols='1,2'><frame src=a><noframes><body>{STORY}</body></noframes></frameset>", URL),
        (f"<body><noscript>You need JavaScript.</noscript><script src=a></script>{SHORT_STORY}</body>", URL),
    ],
)
def test_no_sign_alone_rejects_a_page_with_a_story(html: str, url: str) -> None:
    article = extract(f"<html>{html}</html>", url)
    assert isinstance(article, Article)
    assert paragraphs(480)[1] in article.text


LONG_TEASERS = "".join(
    f"<article><h2><a href=/{at}>Headline of the week {at}</a></h2>"
    f"<p>{' '.join(paragraphs(120, skip=3 * at))[:160]} "
    f"… <a href=/{at}>Read more</a></p></article>"
    for at in range(14)
)


@pytest.mark.parametrize("url", [HOME, f"{HOME}category/sport/"])
def test_a_page_of_long_teasers_is_a_listing_by_rejection_or_by_type(url: str) -> None:
    found = extract(f"<html><head><title>Echo</title></head><body>{LONG_TEASERS}</body></html>", url)
    kind = found.reason if isinstance(found, Rejection) else found.page_type
    assert kind == "listing"


@pytest.mark.parametrize(
    "title",
    [
        "500 écoles ouvertes à Bafoussam",
        "404 familles relogées à Douala",
        "Accès refusé aux journalistes au stade",
        "Access denied to traders at the market",
        "Forbidden fruit sells well in Buea",
        "Oops, the minister forgets his speech",
    ],
)
def test_a_brief_whose_headline_begins_like_an_error_stays(title: str) -> None:
    brief = (
        "<p>The council met on Tuesday, and the mayor answered the traders of the market in the evening.</p>"
    )
    found = extract(
        f"<html><head><title>{title}</title></head><body><h1>{title}</h1>{brief}</body></html>", URL
    )
    assert isinstance(found, Article)


@pytest.mark.parametrize(
    "title",
    [
        "404",
        "403 Forbidden",
        "Error 500",
        "502 Bad Gateway",
        "Access Denied",
        "Forbidden | Echo",
        "Oops! Page lost",
    ],
)
def test_the_title_of_an_error_page_is_recognised(title: str) -> None:
    assert reason(f"<head><title>{title}</title></head><body><p>Nothing.</p></body>") in {
        "error_page",
        "bot_wall",
    }
