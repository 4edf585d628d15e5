"""`newscrawl get`: the story of a single page as text, Markdown or JSON on standard output."""

from __future__ import annotations

import re
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Literal

import typer

from newscrawl.archive.lines import ARTICLES_SUFFIX, REJECTED_SUFFIX, json_line, read_items
from newscrawl.cli import ui
from newscrawl.cli.processes import crawl_command, run_crawl
from newscrawl.cli.target import FileTarget, find_page
from newscrawl.errors import NewscrawlError
from newscrawl.extraction.extract import extract
from newscrawl.items import Article, Block, Rejection
from newscrawl.outlet import find_outlet
from newscrawl.spiders.crawl_options import URLS

STDIN = "-"
_MARKUP = re.compile(r"([\\`*_\[\]<>])|^(\s*)([#+-]|\d+\.)(?=\s)", re.MULTILINE)
"What Markdown would read as emphasis, a link or HTML, and what begins a heading or a list."

FormName = Literal["text", "markdown", "json"]


@ui.app.command("get")
def get_story(
    page: Annotated[str, typer.Argument(help="URL of a page, an HTML file, or - for standard input.")],
    *,
    form: Annotated[FormName, typer.Option("--format", "-f", help="Form of the story.")] = "text",
    url: ui.FileUrl = None,
    outlet: Annotated[
        str | None, typer.Option(help="Use the rules of this outlet, for a file or standard input.")
    ] = None,
    archive: Annotated[
        Path | None, typer.Option(help="Keep the WARC file and the line of a fetched page in this folder.")
    ] = None,
    setting: ui.Settings = None,
) -> None:
    """Print the story of a single page as text, Markdown or JSON.

    A page is fetched as by a crawl: within robots.txt, with your contact, and never from a private address.
    JSON is the line that a crawl writes. Exit code 3: the page has no story.
    """
    if page.startswith(("http://", "https://")):
        if url or outlet:
            raise typer.BadParameter("it is for a file or standard input", param_hint="--url, --outlet")
        result = fetch_story(page, archive, ui.parse_settings(setting))
    else:
        if archive:
            raise typer.BadParameter("only what is fetched can be archived", param_hint="--archive")
        target = _read_page(page, url)
        rules = find_outlet(outlet, ui.outlet_folders()) if outlet else None
        result = extract(target.html, target.url, outlet=rules)
    if isinstance(result, Rejection):
        detail = f" ({result.detail})" if result.detail else ""
        ui.error(f"{page}: no story: {result.reason}{detail}")
        raise typer.Exit(ui.NO_ARTICLE)
    if form == "json":
        ui.print_data(json_line(result).decode(), end="")
    else:
        ui.print_data(result.text + "\n" if form == "text" else to_markdown(result), end="")


def fetch_story(url: str, archive: Path | None, settings: dict[str, str]) -> Article | Rejection:
    """Crawl a single page; NewscrawlError if it was not answered with one.

    Without a folder for the archive the article points at no record, since there is none any more.
    """
    with ExitStack() as stack:
        folder = archive or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="newscrawl-get-")))
        lines = folder / URLS
        before = {*lines.glob("*")}
        # A page is looked at however often it was before.
        values = {"NEWSCRAWL_STATE_URL": "sqlite://", **settings}
        output = run_crawl(crawl_command(URLS, folder, values, {"url": url}))
        new = sorted({*lines.glob(f"*{ARTICLES_SUFFIX}")} - before)
        rejected = [path for path in new if path.name.endswith(REJECTED_SUFFIX)]
        articles = (article for path in new if path not in rejected for article in read_items(path, Article))
        rejections = (rejection for path in rejected for rejection in read_items(path, Rejection))
        result: Article | Rejection | None = next(articles, None) or next(rejections, None)
        if result is None:
            raise NewscrawlError(f"{url}: {output or 'it was not answered with a page'}")
        return result if archive else result.model_copy(update={"warc": None})


def _read_page(page: str, url: str | None) -> FileTarget:
    if page != STDIN:
        if not Path(page).is_file():
            raise NewscrawlError(f"{page}: neither a file nor a URL that begins with http:// or https://")
        target = find_page(page, url=url, archives=ui.ARCHIVES, at=None)
        if isinstance(target, FileTarget):
            return target
        raise NewscrawlError(f"{page}: an archive; `newscrawl extract` and `newscrawl explain` read those")
    with tempfile.NamedTemporaryFile(suffix=".html") as stream:
        stream.write(sys.stdin.buffer.read())
        stream.flush()
        target = find_page(stream.name, url=url, archives=ui.ARCHIVES, at=None)
    assert isinstance(target, FileTarget)
    return target


def to_markdown(article: Article) -> str:
    """The story as CommonMark: headline, who and when and where, standfirst, then block by block."""
    names = ", ".join(author.name for author in article.authors)
    facts = [_escape(text) for text in (names, article.published, article.publisher) if text]
    parts = [f"# {_escape(article.title)}"] if article.title else []
    parts += [" · ".join([*facts, f"<{article.url}>"])]
    parts += [f"**{_escape(article.lede)}**"] if article.lede else []
    before = None
    for block in article.blocks:
        text = _format_block(block)
        if block.kind == before == "li":
            parts[-1] += f"\n{text}"
        else:
            parts.append(text)
        before = block.kind
    return "\n\n".join(parts) + "\n"


def _format_block(block: Block) -> str:
    if block.kind in ("pre", "table"):
        fence = "`" * (1 + max(2, *map(len, re.findall("`+", block.text) or [""])))
        return f"{fence}\n{block.text}\n{fence}"
    text = _escape(block.text)
    lines = text.split("\n")
    match block.kind:
        case "h":
            return f"{'#' * max(2, block.level or 2)} {' '.join(lines)}"
        case "li":
            return "- " + "\n  ".join(lines)
        case "quote" | "box":
            return "\n".join(f"> {line}" for line in lines)
        case "caption":
            return f"*{text}*"
    return text


def _escape(text: str) -> str:
    return _MARKUP.sub(lambda match: match[2] + "\\" + match[3] if match[3] else f"\\{match[1]}", text)
