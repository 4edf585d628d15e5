"""Names of elements and attributes, by what they say about the text of a page."""

from __future__ import annotations

from newscrawl.items import BlockKind

# fmt: off
IGNORED_TAGS = frozenset({
    "script", "style", "noscript", "template", "head", "title", "meta", "link", "svg", "math", "iframe",
    "object", "embed", "video", "audio", "canvas", "map", "area", "select", "option", "datalist", "textarea",
    "button", "input", "dialog", "param", "source", "track", "noembed", "noframes",
})
"Elements whose content is never read."
KIND_BY_TAG: dict[str, BlockKind] = {
    "p": "p", "li": "li", "dt": "p", "dd": "p", "blockquote": "quote", "figcaption": "caption",
    "caption": "caption", "h1": "h", "h2": "h", "h3": "h", "h4": "h", "h5": "h", "h6": "h",
    "pre": "pre", "xmp": "pre", "listing": "pre", "plaintext": "pre",
}
BLOCK_TAGS = frozenset(KIND_BY_TAG) | {
    "html", "body", "div", "section", "article", "main", "header", "footer", "aside", "nav", "ul", "ol",
    "menu", "dl", "table", "thead", "tbody", "tfoot", "tr", "td", "th", "form", "fieldset", "figure",
    "address", "hr", "center", "details", "summary",
}
"Elements that begin a block."
TEXT_TAGS = frozenset({"p", "li", "dt", "dd", "figcaption", "h1", "h2", "h3", "h4", "h5", "h6"})
"Elements that hold a line of text, so that an unknown element inside is a part of the line."
BOLD_TAGS = frozenset({"b", "strong"})
SCREEN_READER_TAGS = frozenset({
    "span", "div", "p", "b", "strong", "em", "i", "small", "sup", "a", "h2", "h3",
})
"Elements that themes use for text meant for screen readers alone, such as `opens new tab` after a link."
HEADING_TAGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
COLLECTED_TAGS = frozenset({"meta", "link", "title", "time", "figure"}) | HEADING_TAGS
"Elements that are landmarks whatever their names."
LABEL_TAGS = frozenset({"li", "span", "strong", "b", "p", "dt", "label", "ul"}) | HEADING_TAGS
"Elements whose own text may label a list of topics."
LANDMARK_TAGS = (
    "html", "body", "main", "article", "section", "header", "footer", "aside", "nav", "div", "p", "span", "a",
    "ul", "ol", "li", "dl", "dt", "dd", "table", "tr", "td", "th", "time", "address", "figure", "strong",
    "em", "b", "i", "small", "label", "abbr", "cite", "font", "meta", "link", "title", "script",
    *sorted(HEADING_TAGS),
)
"Elements that may be landmarks, among which their positions are counted."
NAMING_ATTRIBUTES = frozenset({
    "class", "id", "role", "itemprop", "data-testid", "data-component", "data-type", "data-block",
    "data-module",
})
"Attributes whose values hint at what an element is for."
HIDING_ATTRIBUTES = frozenset({"class", "style", "role", "hidden", "aria-hidden"})
"Attributes that may hide an element, altogether or from some."
RARE_NAMES = frozenset({"data-component", "data-testid", "itemprop", "property"})
"Attributes that name an element's kind, besides class and id."
# fmt: on
