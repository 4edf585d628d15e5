"""A line of each kind in which every field says something: the examples of schema and docs."""

from __future__ import annotations

from hashlib import sha256

from newscrawl.items import Article, Rejection
from newscrawl.parts import (
    Access,
    Author,
    Block,
    Discovery,
    Extractor,
    Http,
    Image,
    LangShare,
    LiveUpdate,
    Quality,
    Removed,
    Rights,
    Syndication,
    WarcPointer,
)

_FRENCH = "Le conseil du port s'est réuni mardi pour parler de la jetée."
_ENGLISH = "Repairs will begin before the autumn storms, the chair of the council said."
_TEXT = f"{_FRENCH}\n\n{_ENGLISH}"
_URL = "https://www.example.org/2026/03/la-jetee"
_FEED = Discovery(
    via="feed",
    from_url="https://www.example.org/feed/",
    guid="https://www.example.org/?p=4711",
    feed_title="La jetée sera réparée",
    feed_published="Tue, 03 Mar 2026 18:05:00 +0100",
)
_WARC = WarcPointer(
    file="example-20260304050607891-00000-host-4242.warc.gz",
    offset=48_213,
    length=9_871,
    record_id="<urn:uuid:6d0b1c5e-0f44-4b0c-9d0e-3a5b8a4d7f21>",
    payload_digest="sha1:3EF2GKQ5TG3YOWQ4SZJ2M7RZCYDVX5PL",
)

ARTICLE = Article(
    id="5f0c9d1b7a3e4c2d8b6f1a0e9c7d5b3a",
    url_requested=f"{_URL}?utm_source=rss",
    url=f"{_URL}?utm_source=rss",
    url_canonical=_URL,
    url_norm=_URL,
    source="example",
    publisher="Example Presse",
    domain="example.org",
    country="CM",
    title="La jetée sera réparée",
    title_raw="La jetée sera réparée - Example Presse",
    lede="Le conseil a voté les travaux mardi soir.",
    text=_TEXT,
    blocks=[Block(kind="p", text=_FRENCH, lang="fr"), Block(kind="p", text=_ENGLISH, lang="en")],
    word_count=25,
    char_count=len(_TEXT),
    lang="mixed",
    lang_score=0.93,
    lang_mix=[LangShare(lang="en", share=0.5636, chars=62), LangShare(lang="fr", share=0.4364, chars=48)],
    is_mixed=True,
    lang_declared="fr-FR",
    lang_page="fr",
    published="2026-03-03T18:05:00+01:00",
    modified="2026-03-04T07:30:00+01:00",
    published_precision="second",
    published_source="jsonld",
    published_raw="2026-03-03T18:05:00+01:00",
    fetched="2026-03-04T05:06:09.120000Z",
    authors=[Author(name="Aïcha Mbarga", url="https://www.example.org/auteurs/aicha-mbarga")],
    byline_raw="Par Aïcha Mbarga avec AFP",
    section="Économie",
    tags=["port", "travaux"],
    dateline_place="Douala",
    images=[
        Image(
            url="https://www.example.org/img/jetee.jpg",
            alt="La jetée",
            caption="La jetée après la tempête",
            credit="A. Mbarga",
            lead=True,
        )
    ],
    syndication=Syndication(is_syndicated=True, agency="AFP", evidence=["byline:AFP"]),
    access=Access(free=True, evidence=["jsonld:isAccessibleForFree"]),
    rights=Rights(tdm_reserved=False, robots_meta=["max-image-preview:large"]),
    page_type="article",
    live_updates=[LiveUpdate(time="2026-03-03T18:20:00+01:00", title="Le vote", text="Le conseil vote.")],
    pages=[_URL, f"{_URL}/2"],
    text_sha256=sha256(_TEXT.encode()).hexdigest(),
    duplicate_of="0c7d5b3a5f0c9d1b7a3e4c2d8b6f1a0e",
    cluster="0c7d5b3a5f0c9d1b7a3e4c2d8b6f1a0e",
    version=2,
    previous_id="8b6f1a0e9c7d5b3a5f0c9d1b7a3e4c2d",
    changed=["text", "title"],
    discovery=_FEED,
    http=Http(
        status=200,
        content_type="text/html; charset=UTF-8",
        charset="utf-8",
        etag='"5e8f-63a1"',
        last_modified="Wed, 04 Mar 2026 06:30:00 GMT",
    ),
    warc=_WARC,
    extractor=Extractor(name="newscrawl", version="0.1.0", rules="current", config_hash="c0ffee12"),
    removed=[Removed(reason="related", chars=212, sample="Lire aussi : Le port en chiffres")],
    quality=Quality(score=0.97, page_type_score=0.99, flags=["short_text"]),
)

REJECTION = Rejection(
    url="https://www.example.org/2026/02/disparu",
    url_requested="https://www.example.org/2026/02/disparu",
    source="example",
    step="fetch",
    reason="http_404",
    detail="404 Not Found",
    fetched="2026-03-04T05:06:11.480000Z",
    discovery=_FEED,
    warc=_WARC,
)
