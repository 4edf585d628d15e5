"""Stories that only the scripts of a page hold."""

import json
import time
from typing import Any

import pytest
from stories_made import TITLE, page, paragraphs, story, tagged

from newscrawl.extraction import extract
from newscrawl.items import Article, Rejection

URL = "https://post.example/2025/wall"
BODY = paragraphs(2_000)
OTHERS = [{"title": f"Other headline {at}", "text": "A summary of another story. " * 40} for at in range(9)]
SHELL = "<div id=app></div>"


def state(value: Any, opening: str = "<script type=application/json>") -> str:
    return f"{opening}{json.dumps(value)}</script>".replace("</p>", "<\\/p>")


def linked_data(**fields: Any) -> str:
    node = {"@type": "NewsArticle", "headline": TITLE, **fields}
    return state(node, "<script type='application/ld+json'>")


@pytest.mark.parametrize(
    "script",
    [
        linked_data(articleBody="\n\n".join(BODY)),
        linked_data(articleBody=tagged(BODY)),
        state(
            {"props": {"related": OTHERS, "article": {"title": TITLE, "tags": ["a b"], "body": tagged(BODY)}}}
        ),
        state(
            {
                "a": OTHERS,
                "b": {"headline": TITLE, "blocks": [{"type": "p", "data": {"text": p}} for p in BODY]},
            }
        ),
        state({"a": {"name": TITLE, "paragraphs": BODY}}, "<script>window.__STATE__ = "),
    ],
)
def test_a_story_in_a_script_is_read_where_the_page_holds_none(script: str) -> None:
    article = extract(page(SHELL + script), URL)
    assert isinstance(article, Article)
    assert [block.text for block in article.blocks] == BODY
    assert "script_body" in article.quality.flags
    assert article.quality.score is None


def test_a_story_on_the_page_is_read_there() -> None:
    html = story(tagged(BODY[:4]) + linked_data(articleBody="\n\n".join(BODY)))
    article = extract(html, URL)
    assert isinstance(article, Article)
    assert [block.text for block in article.blocks] == BODY[:4]
    assert "script_body" not in article.quality.flags


@pytest.mark.parametrize(
    "script",
    [
        state({"article": {"title": "Another headline", "body": tagged(BODY)}}),
        state({"article": {"title": TITLE, "body": "A short description of the story."}}),
        linked_data(articleBody="\n\n".join(BODY), isAccessibleForFree=False),
        f"<script>window.S = {{title: '{TITLE}', body: function() {{ return '{' '.join(BODY)}' }}}}</script>",
        "<script type=application/json>" + "[" * 50_000,
    ],
)
def test_another_text_in_a_script_is_no_story(script: str) -> None:
    assert isinstance(extract(page(SHELL + script), URL), Rejection)


HTML_BODY = tagged(BODY)
STORY = {"headline": TITLE, "related": OTHERS, "body": HTML_BODY}


def script(text: str) -> str:
    return f"<script>{text}</script>".replace("</p>", "<\\/p>")


def number_places(value: Any, entries: list[Any], *, is_stream: bool = False) -> int:
    """Write a value as a list of entries that hold the places of their parts, and return its own place."""
    at = len(entries)
    entries.append(value)
    if isinstance(value, dict):
        keys = {key: f"_{number_places(key, entries)}" if is_stream else key for key in value}
        entries[at] = {
            keys[key]: number_places(part, entries, is_stream=is_stream) for key, part in value.items()
        }
    elif isinstance(value, list):
        entries[at] = [number_places(part, entries, is_stream=is_stream) for part in value]
    return at


def nuxt_3() -> str:
    entries: list[Any] = [["ShallowReactive", 1]]
    number_places({"data": {"story-wall": STORY}, "state": [1, "x"]}, entries)
    return state(entries, "<script type=application/json id=__NUXT_DATA__ data-nuxt-data=nuxt-app>")


def stream() -> str:
    entries: list[Any] = []
    number_places({"loaderData": {"routes/story": STORY}}, entries, is_stream=True)
    chunk = json.dumps(json.dumps(entries) + "\n")
    begin = "window.__reactRouterContext.streamController.enqueue("
    return script(f'{begin}{chunk[:900]}");') + script(
        f'{begin}"{chunk[900:]});{begin.replace("enqueue", "close")});'
    )


def rows() -> str:
    """Rows of Next.js' stream; the text has a row of its own, which ends where its length says."""
    text = "\n\n".join(BODY).replace("council", "cöuncil")
    long = f"1a:T{len(text.encode()):x},{text}"
    props = json.dumps(["$", "$L7", None, {"story": {"title": TITLE, "body": "$1a"}}])
    whole = f'7:I[88,["a.js"],"Story"]\n{long}0:{props}\n'
    pushes = [whole[at : at + 700] for at in range(0, len(whole), 700)]
    return "".join(script(f"self.__next_f.push([1,{json.dumps(push)}])") for push in pushes)


def cache() -> str:
    stories: dict[str, Any] = {
        f"Story:{at}": {"headline": other["title"], "url": f"/2025/{at}", "body": {"__ref": "Body:1"}}
        for at, other in enumerate(OTHERS)
    }
    stories["Story:77"] = {
        "headline": TITLE,
        "next": [{"__ref": "Story:1"}, {"__ref": "Story:77"}],
        "parts": [{"__ref": f"Part:{at}"} for at in range(len(BODY))],
    }
    stories["Body:1"] = {"html": tagged(paragraphs(9_000, skip=300))}
    stories |= {f"Part:{at}": {"__typename": "Paragraph", "text": text} for at, text in enumerate(BODY)}
    stories["ROOT_QUERY"] = {'story({"id":77})': {"__ref": "Story:77"}}
    return script(f"window.__APOLLO_STATE__={json.dumps(stories)};window.__ENV__={{a:1}};")


def fusion() -> str:
    elements: list[dict[str, Any]] = [{"type": "text", "content": text} for text in BODY]
    elements[1:1] = [
        {"type": "image", "caption": "A caption of the picture", "url": "/a.jpg"},
        {"type": "interstitial_link", "content": "Read this other story", "url": "/b"},
    ]
    content = {
        "type": "story",
        "headlines": {"basic": TITLE, "web": ""},
        "description": {"basic": "A description"},
        "content_elements": elements,
        "content_restrictions": {"content_code": "free"},
        "related_content": {"basic": OTHERS},
    }
    return script(
        "window.Fusion=window.Fusion||{};Fusion.arcSite='post';Fusion.contextPath='/pf';"
        f"Fusion.globalContent={json.dumps(content)};Fusion.globalContentConfig={{source:'a'}};"
        "Fusion.spa=false;(function(w){w.x=1})(window)"
    )


def nuxt_2() -> str:
    quoted = json.dumps(HTML_BODY).replace("<", "\\u003C")
    return script(
        f"window.__NUXT__=(function(a,b,c,d){{d.title=b;d.body=c;d.tags=[a,{{n:a}}];d.at=new Date(1700);"
        f'return {{layout:"default",data:[{{story:d,live:!1,count:void 0,"none":a}}],error:a}}}}'
        f"(null,{json.dumps(TITLE)},{quoted},{{}}));"
    )


def attribute() -> str:
    props = json.dumps({"component": "Story", "props": {"story": STORY}}).replace('"', "&quot;")
    return f'<div id=app data-page="{props}"></div>'


@pytest.mark.parametrize(
    "form",
    [
        nuxt_3(),
        nuxt_2(),
        stream(),
        cache(),
        fusion(),
        attribute(),
        script(
            "/*<![CDATA[*/window.pagePath='/2025/wall/';window.___pageData="
            + json.dumps({"result": {"data": {"story": STORY}}})
            + ";/*]]>*/"
        ),
        script(f"window['__STATE__'] = JSON.parse({json.dumps(json.dumps(STORY))}); start();"),
        script(
            "var state = JSON.parse('" + json.dumps(STORY).replace("\\", "\\\\").replace("'", "\\x27") + "')"
        ),
        script(
            "!function(){var a=1;window.app.state={a:{b:[1,,2]},/* c */ story:{title:`"
            + TITLE
            + "`,text:'"
            + "\\n".join(BODY)
            + "',},}}();"
        ),
        state(STORY, "<script type=application/json>").replace('"', "&q;"),
        state(
            {"status": 200, "body": json.dumps({"story": STORY})},
            "<script type=application/json data-url=/api>",
        ),
        state(
            {"post": {"title": {"rendered": TITLE}, "content": {"rendered": HTML_BODY, "protected": False}}}
        ),
        state({"article": {"path": "/2025/wall/", "name": "The wall", "html": HTML_BODY}}),
        linked_data(articleBody=HTML_BODY.replace("<", "&lt;").replace(">", "&gt;")),
    ],
)
def test_every_form_of_state_is_read(form: str) -> None:
    article = extract(page(SHELL + form), URL)
    assert isinstance(article, Article)
    assert [block.text for block in article.blocks] == BODY
    assert "script_body" in article.quality.flags


def test_a_text_in_a_row_of_its_own_is_read() -> None:
    article = extract(page(SHELL + rows()), URL)
    assert isinstance(article, Article)
    assert [block.text for block in article.blocks] == [text.replace("council", "cöuncil") for text in BODY]


def split(text: str) -> list[str]:
    """The text in three pieces, as editors divide it where the style of letters changes."""
    return [text[:9], text[9:20], text[20:]]


@pytest.mark.parametrize(
    "document",
    [
        # ProseMirror
        {
            "type": "doc",
            "content": [
                {"type": "paragraph", "content": [{"type": "text", "text": part} for part in split(text)]}
                for text in BODY
            ],
        },
        # Contentful
        {
            "nodeType": "document",
            "content": [
                {
                    "nodeType": "paragraph",
                    "content": [{"nodeType": "text", "value": part, "marks": []} for part in split(text)],
                }
                for text in BODY
            ],
        },
        # Slate
        [{"type": "p", "children": [{"text": part} for part in split(text)]} for text in BODY],
        # Sanity
        [
            {
                "_type": "block",
                "style": "normal",
                "children": [{"_type": "span", "text": part} for part in split(text)],
            }
            for text in BODY
        ],
        # Lexical
        {
            "root": {
                "type": "root",
                "children": [
                    {
                        "type": "paragraph",
                        "children": [{"type": "text", "text": part} for part in split(text)],
                    }
                    for text in BODY
                ],
            }
        },
        # Draft.js
        {"blocks": [{"type": "unstyled", "text": text} for text in BODY], "entityMap": {}},
        # Parts in a model
        {
            "model": {
                "blocks": [
                    {
                        "type": "text",
                        "model": {
                            "blocks": [
                                {
                                    "type": "paragraph",
                                    "model": {
                                        "text": text,
                                        "blocks": [{"type": "fragment", "model": {"text": text}}],
                                    },
                                }
                            ]
                        },
                    }
                    for text in BODY
                ]
            }
        },
    ],
)
def test_documents_of_editors_are_read(document: Any) -> None:
    article = extract(page(SHELL + state({"story": {"title": TITLE, "document": document}})), URL)
    assert isinstance(article, Article)
    assert [block.text for block in article.blocks] == BODY


def test_headings_lists_and_quotes_of_a_document_are_what_they_are() -> None:
    parts = [
        {"type": "paragraph", "data": {"text": BODY[0]}},
        {"type": "header", "data": {"text": "What the council wants", "level": 2}},
        {"type": "list", "data": {"items": ["A new wall of stone and clay.", "A road along the new wall."]}},
        {"type": "quote", "data": {"text": "We have waited long enough for this wall."}},
        {"type": "image", "data": {"text": "The wall in winter"}},
        *({"type": "paragraph", "data": {"text": text}} for text in BODY[1:]),
    ]
    article = extract(page(SHELL + state({"title": TITLE, "blocks": parts})), URL)
    assert isinstance(article, Article)
    kinds = {block.text: block.kind for block in article.blocks}
    assert kinds["What the council wants"] == "h"
    assert kinds["We have waited long enough for this wall."] == "quote"
    assert "A road along the new wall." in kinds
    assert "The wall in winter" not in kinds


def test_a_story_without_spaces_between_words_is_read() -> None:
    text = [
        "港务局昨天宣布,旧开合桥从早晨起禁止一切车辆通行。" * 3,
        "渔民的工会要求开一条小渡船,就像失火的那个冬天一样。" * 4,
    ]
    article = extract(page(SHELL + state({"title": TITLE, "body": text})), URL)
    assert isinstance(article, Article)
    assert [block.text for block in article.blocks] == text


WALL_LINE = "<p>Subscribe to continue reading this story.</p>"


@pytest.mark.parametrize(
    "inside",
    [
        state({**STORY, "isPremium": True}),
        state({"isPremium": True, "story": STORY}),
        state({**STORY, "access": "subscriber"}),
        state({**STORY, "content_restrictions": {"content_code": "premium"}}),
        state({**STORY, "isAccessibleForFree": False}),
        WALL_LINE + state(STORY),
        WALL_LINE + linked_data(articleBody=HTML_BODY),
        linked_data(articleBody=HTML_BODY, hasPart={"@type": "WebPageElement", "isAccessibleForFree": False}),
        "<meta name=article:content_tier content=locked>" + state(STORY),
    ],
)
def test_no_story_is_read_round_a_wall(inside: str) -> None:
    assert isinstance(extract(page(SHELL + inside), URL), Rejection)


@pytest.mark.parametrize(
    "script",
    [
        state({"title": TITLE, "css": ".a{color:red} .b{margin:0; padding:1em} " * 40}),
        state({"title": TITLE, "blob": "QUJD" * 500}),
        state({"title": TITLE, "comments": [{"text": text} for text in BODY]}),
        state({"title": TITLE, "stories": [{"title": "Another", "url": "/b", "body": HTML_BODY}]}),
        script(f"window.__S__ = {{title: {json.dumps(TITLE)}, text: atob('{'QUJD' * 300}')}}"),
        script("window.__A__ = {" * 3_000),
        script("window.__A__ = " + "[{a:" * 3_000),
        script("window.__A__ = {a:'" + "\\u00" * 3_000),
        script("window.__NUXT__=(function(a){return {a:a}}" + "(" * 3_000),
        script('self.__next_f.push([1,"1:Tffffffff,x"])' * 100),
        state([["Reactive", 0], [1, 2], [1, 2]], "<script type=application/json id=__NUXT_DATA__>").replace(
            "]]", "]," + "[1,2]," * 99 + "1]"
        ),
    ],
)
def test_what_is_no_story_is_passed_over(script: str) -> None:
    assert isinstance(extract(page(SHELL + script), URL), Rejection)


@pytest.mark.parametrize(
    "text",
    [
        "window.a={b:" * 60_000,
        "window.a={b:'x'," + "c:[1,2]," * 60_000,
        "window.a=" + "[" * 500_000,
        ";" * 900_000,
        "window.a = " * 60_000,
        "window.a=(function(a){" + "a.b=1;" * 90_000,
        "window.a={b:" + "/*" * 300_000,
        "window.a={b:`" + "${" * 300_000,
    ],
)
def test_a_script_made_to_waste_time_does_not(text: str) -> None:
    start = time.process_time()
    extract(page(SHELL + script(text)), URL)
    assert time.process_time() - start < 8


def test_values_that_refer_to_each_other_in_circles_end() -> None:
    stories = {
        f"Story:{at}": {"headline": TITLE, "content": [{"__ref": f"Story:{other}"} for other in range(60)]}
        for at in range(60)
    }
    inside = script(f"window.__APOLLO_STATE__={json.dumps({**stories, 'ROOT_QUERY': {}})}")
    start = time.process_time()
    assert isinstance(extract(page(SHELL + inside), URL), Rejection)
    assert time.process_time() - start < 8
