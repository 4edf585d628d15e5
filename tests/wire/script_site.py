"""An outlet whose pages hold no story: a script asks for it and writes it into the page."""

from __future__ import annotations

import json
from pathlib import Path

from wire.server import Answer

STORIES = (
    ("harbour-crane", "Old harbour crane is moved to the museum"),
    ("school-bus", "School bus returns to the upper valley"),
    ("night-market", "Night market opens on the river bank"),
)
PARAGRAPHS = (
    "The council of the town decided on Monday evening about {what}, after a debate of three hours.",
    "Those who had spoken against it said that the money would be missing in winter, when roads break.",
    "The mayor answered that the sum had been put aside two years ago and could be spent on nothing else.",
    "Work is to begin in spring, as soon as the water of the river has gone back behind the lower wall.",
    "Neighbours of the square have asked for a fence, which the builders have promised to put up by April.",
    "A report on the costs will be read in public on the last Friday of the month, in the school's hall.",
)
SHELL = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Valley Post</title>
<link rel="stylesheet" href="/site.css"><script src="/lib.js"></script></head>
<body><div id="app">Please wait.</div><img src="/logo.png" alt="">
<script src="/app.js"></script></body></html>
"""
LIB = """
window.ask = (path) => fetch(path).then((answer) => {
  if (!answer.ok) throw new Error(path + ": " + answer.status);
  return answer.json();
});
"""
APP = """
const name = location.pathname.split("/").pop();
const app = document.getElementById("app");
const add = (parent, tag, text) => {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  parent.appendChild(element);
  return element;
};
Promise.all([ask("/api/site.json"), ask("/api/story/" + name + ".json")]).then(([site, story]) => {
  app.textContent = "";
  app.dataset.session = Math.random().toString(36).slice(2) + "-" + Date.now() + "-" + crypto.randomUUID();
  add(add(app, "nav"), "a", site.title);
  const article = add(app, "article");
  add(article, "h1", story.title);
  const time = add(article, "time", story.date);
  time.dateTime = story.date;
  let left = story.body.slice();
  // One paragraph after the other, as an animation would.
  const next = () => {
    if (!left.length) return later();
    add(article, "p", left.shift());
    requestAnimationFrame(next);
  };
  next();
}, (error) => { app.textContent = String(error); });
function later() {
  setTimeout(() => ask("/api/related.json").then((related) => {
    const list = add(add(app, "aside"), "ul");
    for (const title of related.titles) add(list, "li", title);
    document.title = document.querySelector("h1").textContent + " | Valley Post";
  }), 1500);
}
"""
OUTLET = """
title = "Valley Post"
home = "{base}/"
country = "GB"
languages = ["en"]
timezone = "Europe/London"
kind = "regional"
feeds = ["{base}/feed.xml"]
article_urls = ["/story/"]
browser = true
"""


def answer(body: str | bytes, media_type: str, extra: str = "", status: str = "200 OK") -> Answer:
    raw = body.encode() if isinstance(body, str) else body
    head = f"HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\n{extra}Content-Length: {len(raw)}\r\n\r\n"
    return Answer([head.encode() + raw])


def json_answer(data: object) -> Answer:
    return answer(json.dumps(data), "application/json")


def story_paragraphs(title: str) -> list[str]:
    return [text.format(what=title.lower()) for text in PARAGRAPHS]


def script_site(base: str) -> dict[str, Answer]:
    """What the site answers, by path."""
    items = "".join(
        f"<item><title>{title}</title><link>{base}/story/{name}</link></item>" for name, title in STORIES
    )
    feed = (
        f'<?xml version="1.0"?><rss version="2.0"><channel><title>Valley Post</title>{items}</channel></rss>'
    )
    answers = {
        "/robots.txt": answer("User-agent: *\nDisallow: /private/\n", "text/plain"),
        "/feed.xml": answer(feed, "application/rss+xml"),
        "/lib.js": answer(LIB, "text/javascript", "Cache-Control: max-age=3600\r\n"),
        "/app.js": answer(APP, "text/javascript", "Cache-Control: no-cache\r\n"),
        "/api/site.json": json_answer({"title": "Valley Post"}),
        "/api/related.json": json_answer(
            {"titles": ["Ferry timetable for the summer", "Choir seeks tenors"]}
        ),
    }
    for name, title in STORIES:
        answers[f"/story/{name}"] = answer(SHELL, "text/html; charset=utf-8", 'ETag: "shell"\r\n')
        story = {"title": title, "date": "2026-02-03T08:30:00Z", "body": story_paragraphs(title)}
        answers[f"/api/story/{name}.json"] = json_answer(story)
    return answers


def write_script_outlet(base: str, folder: Path, name: str = "valley_post") -> None:
    """Its outlet file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.toml").write_text(OUTLET.replace("{base}", base))
