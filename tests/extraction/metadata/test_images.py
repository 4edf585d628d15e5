"""Pictures with captions and credits."""

from lxml.html import document_fromstring

from newscrawl.extraction.head import read_head
from newscrawl.extraction.metadata.images import read_images
from newscrawl.items import Image


def images(html: str) -> list[Image]:
    tree = document_fromstring(f"<html>{html}</html>")
    return read_images(read_head(tree, "https://echo.example/a", {}))


def test_the_declared_image_leads_and_takes_its_figures_caption() -> None:
    found = images(
        '<head><meta property="og:image" content="/1.jpg"></head><body>'
        '<figure><img src="/2.jpg" alt="Deux"></figure>'
        '<figure><img src="/1.jpg"><figcaption>Le marché. Photo : A. Ndiaye</figcaption></figure>'
    )
    assert [(one.url[-6:], one.lead) for one in found] == [("/1.jpg", True), ("/2.jpg", False)]
    assert (found[0].caption, found[0].credit) == ("Le marché.", "A. Ndiaye")
    assert found[1].alt == "Deux"


def test_a_credit_marked_as_such_leaves_the_caption() -> None:
    caption = "<figcaption>Le marché <span class=photo-credit>A. Ndiaye</span></figcaption>"
    found = images(f"<body><figure><img src=/1.jpg>{caption}</figure>")
    assert (found[0].caption, found[0].credit) == ("Le marché", "A. Ndiaye")


def test_lazy_pictures_are_found_and_inline_ones_and_logos_are_not() -> None:
    found = images(
        '<body><figure><img src="data:image/gif;base64,x" data-src="/lazy.jpg"></figure>'
        '<figure><img src="data:image/gif;base64,x"></figure><figure><img src="/logo.png"></figure>'
    )
    assert [one.url for one in found] == ["https://echo.example/lazy.jpg"]


def test_json_ld_gives_the_lead_where_meta_does_not() -> None:
    script = '{"@type": "NewsArticle", "image": {"url": "/j.jpg"}}'
    found = images(f'<head><script type="application/ld+json">{script}</script></head>')
    assert [(one.url, one.lead) for one in found] == [("https://echo.example/j.jpg", True)]


def test_json_ld_gives_caption_and_credit() -> None:
    image = '{"url": "/j.jpg", "caption": "Le marché", "creditText": "A. Ndiaye"}'
    script = f'{{"@type": "NewsArticle", "image": [{image}]}}'
    found = images(f'<head><script type="application/ld+json">{script}</script></head>')
    assert (found[0].caption, found[0].credit) == ("Le marché", "A. Ndiaye")


def test_captions_are_found_without_a_figure() -> None:
    found = images(
        '<body><div class="wp-caption"><img src=/1.jpg><p class="wp-caption-text">Le marché</p></div>'
    )
    assert [(one.url[-6:], one.caption) for one in found] == [("/1.jpg", "Le marché")]


def test_pictures_of_other_stories_are_left_out() -> None:
    assert images("<body><div class=related-news><div><figure><img src=/1.jpg></figure></div></div>") == []


def test_sizes_of_a_picture_are_the_same_image() -> None:
    head = '<head><meta property="og:image" content="/1.jpg?w=1200"></head>'
    found = images(f"{head}<body><figure><img src='/1.jpg?w=300'><figcaption>Le marché</figcaption></figure>")
    assert [(one.url[-6:], one.caption) for one in found] == [("w=1200", "Le marché")]
