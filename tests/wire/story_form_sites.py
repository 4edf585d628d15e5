"""An outlet whose pages lead to other forms of their stories: JSON of WordPress or Drupal, and AMP pages."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from newscrawl.demo.http import Request, Response
from newscrawl.demo.site import Route, blocks_html
from newscrawl.demo.stories import Story
from wire.witness_sites import BoxedSite, Content, teaser_content, whole_content

POSTS, NODES = "/wp-json/wp/v2/posts/", "/jsonapi/node/article/"
_AMP_PAGE = """\
<!doctype html><html amp lang="fr"><head><meta charset="utf-8"><title>{title}</title>
<link rel="canonical" href="{canonical}"><meta property="og:type" content="article">
<script async src="{base}/v0.js"></script>{head}</head>
<body><main><article><h1>{title}</h1>{story}</article></main></body></html>
"""
_SHELL = """\
<!doctype html><html lang="fr"><head><meta charset="utf-8"><title>{title}</title>
<meta property="og:title" content="{title}"><meta property="og:type" content="article">{head}</head>
<body><div id="app"></div><noscript>JavaScript.</noscript><script src="{base}/app.js"></script></body></html>
"""


class FormsSite(BoxedSite):
    """Every other page names the JSON of its story in its head, the others in a Link header."""

    def __init__(
        self, outlet_id: str, feed_content: Content = teaser_content, form: str = "wordpress"
    ) -> None:
        super().__init__(outlet_id, feed_content)
        self.form = form
        self.statuses: dict[int, int] = {}
        "Status of the answer for a story's JSON or AMP page, by the story's id; 200 for all others."
        self.posts: dict[int, dict[str, Any]] = {}
        "Keys that a post has instead of its own, by the story's id."
        self.shells: set[int] = set()
        "Ids of stories whose page has no text; each has an AMP page."
        self.amp_heads: dict[int, str] = {}
        "What else stands in the head of an AMP page."
        self.canonicals: dict[int, str] = {}
        "Paths that AMP pages name as their original instead of their own."
        self.feed_headers: tuple[tuple[str, str], ...] = ()
        self.rules: dict[str, bytes] = {}
        "Bodies of further files, such as `/ai.txt`, by path."

    def form_path(self, story: Story) -> str:
        """Where the JSON of a story is."""
        return f"{POSTS if self.form == 'wordpress' else NODES}{story.id}"

    def amp_path(self, story: Story) -> str:
        return f"{self.story_path(story)}amp/"

    def other_routes(self) -> dict[str, Route]:
        forms = {self.form_path(story): self._json_route(story) for story in self.desk.story}
        amps = {self.amp_path(story): self._amp_route(story) for story in self.desk.story}
        rules = {path: self._rules_route(body) for path, body in self.rules.items()}
        return super().other_routes() | forms | amps | rules

    def _rules_route(self, body: bytes) -> Route:
        return lambda _: Response(body=body, content_type="text/plain; charset=utf-8")

    def _json_route(self, story: Story) -> Route:
        def answer(request: Request) -> Response:
            if status := self.statuses.get(story.id):
                return Response(status=status, body=b'{"code": "refused"}', content_type="application/json")
            made = self._post(story, request.base) if self.form == "wordpress" else self._node(story)
            body = json.dumps(made | self.posts.get(story.id, {})).encode()
            return Response(body=body, content_type="application/json; charset=UTF-8", gzip=True)

        return answer

    def _node(self, story: Story) -> dict[str, Any]:
        body = {"value": "", "format": "basic_html", "processed": whole_content(story), "summary": ""}
        attributes = {
            "title": story.title,
            "status": True,
            "created": story.published.isoformat(),
            "path": {"alias": self.story_path(story).rstrip("/"), "langcode": "fr"},
            "body": body,
        }
        data = {"type": "node--article", "id": f"0c9dd1fe-{story.id}", "attributes": attributes}
        return {"jsonapi": {"version": "1.0"}, "data": data}

    def _amp_route(self, story: Story) -> Route:
        def answer(request: Request) -> Response:
            if status := self.statuses.get(story.id):
                return Response(status=status, body=b"<p>No.</p>")
            html = _AMP_PAGE.format(
                title=escape(story.title),
                canonical=request.base + self.canonicals.get(story.id, self.story_path(story)),
                base=request.base,
                head=self.amp_heads.get(story.id, ""),
                story="\n".join(blocks_html(story.parts)),
            )
            return Response(body=html.encode())

        return answer

    def _page(self, story: Story, request: Request) -> Response:
        page = super()._page(story, request)
        kind = "application/json" if self.form == "wordpress" else "application/vnd.api+json"
        url = request.base + self.form_path(story)
        if story.id in self.shells:
            wall = b"isAccessibleForFree" in page.body
            head = f'<link rel="amphtml" href="{self.amp_path(story)}">'
            head += '<meta name="article:content_tier" content="locked">' if wall else ""
            html = _SHELL.format(title=escape(story.title), base=request.base, head=head)
            return Response(body=html.encode())
        if story.id % 2:
            root = f'<{request.base}/wp-json/>; rel="https://api.w.org/"'
            header = f'{root}, <{url}>; rel="alternate"; type="{kind}"'
            return Response(body=page.body, headers=(("Link", header),))
        link = f'<link rel="alternate" title="JSON" type="{kind}" href="{url}"></head>'.encode()
        return Response(body=page.body.replace(b"</head>", link, 1))

    def _feed(self, request: Request) -> Response:
        feed = super()._feed(request)
        return Response(
            body=feed.body, content_type=feed.content_type, gzip=True, etag=True, headers=self.feed_headers
        )
