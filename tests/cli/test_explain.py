"""`newscrawl explain`: pages however they are named, and an account that tells all and runs nothing."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crafted import http, members, record, urn
from lxml import html as lxml_html
from typer.testing import CliRunner, Result
from wire.archived import story

from newscrawl import settings
from newscrawl.archive.memory_files import write_memory
from newscrawl.archive.pages import find_archive_files
from newscrawl.archive.reextract import extract_with_record
from newscrawl.cli import app
from newscrawl.cli.ui import NO_ARTICLE
from newscrawl.errors import NewscrawlError, UnknownOutlet
from newscrawl.extraction.boilerplate import dump_records
from newscrawl.warc.index import update_index

URL = "http://echo.example/2026/04/le-pont"
PARAGRAPHS = (
    "Le conseil de Valmer a voté mardi la reconstruction du pont de bois emporté par la crue de février.",
    "Les travaux commenceront après les moissons, a précisé la maire, et ils dureront au moins neuf mois.",
    "D’ici là, les habitants de la rive gauche passeront par le gué, que deux agents surveilleront.",
    "« Personne ne sera laissé de l’autre côté de la rivière », a promis l’élue devant une salle comble.",
    "Le coût, estimé à un million de francs, sera partagé entre la commune, la province et les riverains.",
)
MENU = "".join(
    f'<li><a href="/{word}">{word}</a></li>'
    for word in ("Accueil", "Politique", "Sports", "Monde", "Culture")
)


def page_of(title: str = "Le pont sera reconstruit", head: str = "", foot: str = "") -> str:
    text = "".join(f"<p>{one}</p>" for one in PARAGRAPHS)
    return (
        f"<!DOCTYPE html><html lang=fr><head><title>{title} - L’Écho</title></head><body>"
        f'<nav class="menu"><ul>{MENU}</ul></nav>'
        '<div class="cmplz-cookiebanner"><p>We use cookies to make this site better for everybody.</p></div>'
        f'<main><article class="post"><h1>{title}</h1>{head}'
        f'<div class="entry-content">{text}{foot}</div></article>'
        "</main><footer><p>© 2026 L’Écho de Valmer. Tous droits réservés.</p></footer></body></html>"
    )


HOSTILE = page_of(
    title="Un pont </title><script>alert(1)</script>&lt;/title&gt;&lt;script&gt;alert(2)&lt;/script&gt;",
    head='<p class="x&quot;&gt;&lt;img src=x onerror=alert(3)&gt;" id="&lt;script&gt;">&lt;/p&gt;'
    "&lt;/style&gt;&lt;script src=//evil.example/a.js&gt;&lt;/script&gt; écrit le comité des fêtes.</p>"
    "<p>&lt;!--&#x202e; &#27;[31mrouge&#27;[0m &#x9b;31m ${title} $url "
    "&lt;meta http-equiv=refresh content=0&gt;</p>",
)


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, ["explain", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def told(*arguments: object, code: int = 0) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == code, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a page to a file."""

    def save(text: str) -> Path:
        path = tmp_path / "page.html"
        path.write_text(text, encoding="utf-8")
        return path

    return save


def response(
    url: str, body: str, *lines: str, number: int, status: str = "HTTP/1.1 200 OK", day: int = 1
) -> bytes:
    block = http(body.encode(), "Content-Type: text/html; charset=utf-8", *lines, status=status)
    return record("response", url, block, number=number, date=f"2026-05-0{day}T10:00:00Z")


def stored(path: Path, records: Iterable[bytes]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(members(records))
    return path


@pytest.fixture
def archives(tmp_path: Path) -> Path:
    """A page captured twice, one that has moved there, and one that was not found."""
    folder = tmp_path / "archives"
    later = page_of("Le pont sera reconstruit plus tôt")
    warc = stored(
        folder / "echo" / "a.warc.gz",
        [
            response(URL, page_of(), number=1),
            record("request", URL, b"GET / HTTP/1.1\r\n\r\n", number=2),
            response(URL, later, number=3, day=3),
            response(
                "http://echo.example/?p=7", "", f"Location: {URL}", number=4, status="HTTP/1.1 301 Moved"
            ),
            response("http://echo.example/gone", page_of(), number=5, status="HTTP/1.1 404 Not Found"),
        ],
    )
    update_index(warc.parent)
    return folder


def title_of(account: dict[str, Any]) -> str:
    return str(account["result"]["title"])


def test_every_block_has_a_verdict_and_those_kept_are_the_text(saved: Callable[[str], Path]) -> None:
    account = told(saved(page_of()), "--url", URL)
    assert account["outcome"] == "article"
    assert all(block["verdict"] and block["decided_by"] for block in account["blocks"])
    kept = [block["kept_text"] for block in account["blocks"] if block["kept_text"] is not None]
    assert kept == list(PARAGRAPHS)
    assert "\n\n".join(kept) == account["result"]["text"]
    codes = [block["lang"] for block in account["blocks"] if block["kept_text"] is not None]
    assert codes == [block["lang"] for block in account["result"]["blocks"]] == ["fr"] * 5


def test_who_decided_is_told(saved: Callable[[str], Path]) -> None:
    path = saved(page_of(head="<p>Par Awa Diop et Jean Mballa</p>", foot="<p>© AFP</p>"))
    by_text = {block["text"]: block for block in told(path, "--url", URL)["blocks"]}
    cookies = next(block for text, block in by_text.items() if "cookies" in text)
    assert (cookies["decided_by"], cookies["mark"], cookies["lang"]) == ("platform", "consent", "en")
    assert cookies["where"] == "div.cmplz-cookiebanner > p"
    menu = by_text["Politique"]
    assert (menu["decided_by"], menu["verdict"], menu["where"]) == ("judge", "unlikely", "nav.menu > ul > li")
    assert 0 <= menu["likely"] < 0.5 < by_text[PARAGRAPHS[0]]["likely"] <= 1


def test_a_notice_is_shown_as_lifted_out(saved: Callable[[str], Path], outlets: Path, tmp_path: Path) -> None:
    assert outlets.is_dir()
    notice = (
        "(This story has not been edited by Devdiscourse staff and is auto-generated from a syndicated feed.)"
    )
    page = saved(page_of(foot=f"<p>{notice}</p>"))
    target = tmp_path / "out.html"
    account = told(page, "--url", URL, "--outlet", "echo", "--html", target)
    (block,) = [block for block in account["blocks"] if block["text"] == notice]
    assert (block["verdict"], block["decided_by"], block["kept_text"]) == ("notice", "notices", None)
    assert account["result"]["syndication"]["notice"] == notice
    assert [one["reason"] for one in account["taken"]] == ["notice"]
    assert "Taken out of lines" in target.read_text(encoding="utf-8")


def test_a_notice_glued_to_a_paragraph_is_shown_as_cut_off_it(
    saved: Callable[[str], Path], outlets: Path, tmp_path: Path
) -> None:
    assert outlets.is_dir()
    whole = "Le vote aura lieu au mois de mai. (AFP)"
    page, target = saved(page_of(foot=f"<p>{whole}</p>")), tmp_path / "out.html"
    account = told(page, "--url", URL, "--outlet", "echo", "--html", target)
    (block,) = [block for block in account["blocks"] if block["text"] == whole]
    assert (block["verdict"], block["kept_text"]) == ("story", "Le vote aura lieu au mois de mai.")
    assert '<span class="lost"> (AFP)</span>' in target.read_text(encoding="utf-8")


@pytest.fixture
def outlets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An outlet with rules of its own."""
    folder = tmp_path / "outlets"
    folder.mkdir()
    (folder / "echo.toml").write_text(
        'title = "L’Écho"\nhome = "http://echo.example/"\nlanguages = ["fr"]\ncountry = "CM"\n'
        'timezone = "Africa/Douala"\nkind = "regional"\nfeeds = ["http://echo.example/feed"]\n'
        '[[rules]]\nbody = "div.entry-content"\nexclude = [".cmplz-cookiebanner", "footer"]\n',
        encoding="utf-8",
    )
    monkeypatch.setattr(settings, "NEWSCRAWL_OUTLETS", [str(folder)])
    return folder


def test_the_rules_of_the_outlet_hold_that_the_folder_is_named_for(archives: Path, outlets: Path) -> None:
    assert outlets.is_dir()
    account = told(URL, "--archives", archives)
    deciders = {block["decided_by"] for block in account["blocks"]}
    assert deciders == {"outlet"}
    assert account["result"]["source"] == "echo"
    assert [block["text"] for block in account["blocks"] if block["chosen"]] == list(PARAGRAPHS)
    assert all(block["likely"] is None for block in account["blocks"])
    assert {block["mark"] for block in account["blocks"] if "©" in block["text"]} == {"outlet_rule"}


def test_an_outlet_that_is_not_there_is_an_error(saved: Callable[[str], Path], outlets: Path) -> None:
    assert outlets.is_dir()
    with pytest.raises(UnknownOutlet):
        run(saved(page_of()), "--url", URL, "--outlet", "echos")


def test_a_url_is_its_last_capture_or_the_one_nearest_to_a_time(archives: Path) -> None:
    assert title_of(told(URL, "--archives", archives)) == "Le pont sera reconstruit plus tôt"
    early = told(URL, "--archives", archives, "--at", "2026-05-01")
    assert title_of(early) == "Le pont sera reconstruit"
    assert early["result"]["warc"]["record_id"] == urn(1)
    assert early["result"]["fetched"] == "2026-05-01T10:00:00.000000Z"


def test_the_memory_of_the_folder_is_asked(tmp_path: Path) -> None:
    folder = tmp_path / "echo"
    stories = [story(subject) for subject in ("harbour", "school", "market", "bridge", "library")]
    footer = b"<footer><p>Written, printed and sent out by the people of the quay.</p></footer></body>"
    pages = [page.replace(b"</body>", footer).decode() for page in stories]
    path = stored(
        folder / "a.warc.gz",
        [response(f"{URL}-{n}", page, number=n) for n, page in enumerate(pages, 1)],
    )
    before = told(f"{path}:0")
    (file,) = find_archive_files([path])
    notes = [
        note for place in file.pages() if (note := extract_with_record(folder, place.pointer, None).record)
    ]
    memory, _ = write_memory(folder, dump_records(notes))
    after = told(f"{path}:0")
    assert (before["memory"], after["memory"]) == (None, memory.name)
    deciders = [
        next(b for b in one["blocks"] if "the quay" in b["text"])["decided_by"] for one in (before, after)
    ]
    assert deciders == ["judge", "memory"]
    elsewhere = tmp_path / memory.name
    memory.rename(elsewhere)
    (folder / "memory.current").unlink()
    assert told(f"{path}:0", "--memory", elsewhere) == after


def test_redirects_in_the_archive_are_followed(archives: Path) -> None:
    account = told("http://echo.example/?p=7", "--archives", archives)
    assert account["url"] == URL


def test_a_redirect_in_circles_ends(tmp_path: Path) -> None:
    moved = response(URL, "", f"Location: {URL}", number=1, status="HTTP/1.1 302 Found")
    update_index(stored(tmp_path / "archives" / "a.warc.gz", [moved]).parent)
    with pytest.raises(NewscrawlError, match="more than 5 redirects"):
        run(URL, "--archives", tmp_path / "archives")


@pytest.mark.parametrize("name", [urn(1), urn(1).strip("<>"), urn(1)[10:-1]])
def test_a_record_is_named_by_its_id(archives: Path, name: str) -> None:
    assert told(name, "--archives", archives)["result"]["warc"]["record_id"] == urn(1)


def test_a_record_is_named_by_its_place(archives: Path) -> None:
    by_path = told(f"{archives / 'echo' / 'a.warc.gz'}:0")
    by_name = told("a.warc.gz:0", "--archives", archives)
    assert title_of(by_path) == "Le pont sera reconstruit"
    assert by_path == by_name


def test_a_file_with_one_page_needs_no_place(tmp_path: Path) -> None:
    path = stored(tmp_path / "one.warc.gz", [response(URL, page_of(), number=1)])
    assert title_of(told(path)) == "Le pont sera reconstruit"


def test_the_body_of_a_revisit_of_another_program_is_found(tmp_path: Path) -> None:
    first = response(URL, page_of(), number=1)
    again = record(
        "revisit",
        URL,
        http(b"", "Content-Type: text/html; charset=utf-8"),
        ("WARC-Profile", "http://netpreserve.org/warc/1.1/revisit/identical-payload-digest"),
        ("WARC-Refers-To", urn(1)),
        ("WARC-Refers-To-Target-URI", URL),
        ("WARC-Refers-To-Date", "2026-05-01T10:00:00Z"),
        number=2,
        date="2026-05-02T10:00:00Z",
    )
    update_index(stored(tmp_path / "archives" / "a.warc.gz", [first, again]).parent)
    assert title_of(told(URL, "--archives", tmp_path / "archives")) == "Le pont sera reconstruit"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (
            "http://echo.example/2026/04/le-port",
            r"no capture of .*le-port; near: http://echo.example/2026/04/le-pont",
        ),
        ("http://echo.example/gone", "answered with 404 alone"),
        (urn(2), "is a request record"),
        (urn(9), "no record"),
        ("a.warc.gz:1", "nothing at 1|no record begins at 1"),
        ("a.warc.gz:99999999", "nothing at|no record begins at 99999999"),
        ("b.warc.gz:0", "no such WARC file: b.warc.gz"),
        ("a.warc.gz", r"holds \d pages: name one by its place, .*a.warc.gz:0 \(http"),
        ("nonsense", "no file, no URL, no record id and no place"),
    ],
)
def test_what_is_not_there_is_said_in_words(archives: Path, target: str, said: str) -> None:
    with pytest.raises(NewscrawlError, match=said):
        run(target, "--archives", archives)


def test_folders_without_an_index_are_named(archives: Path) -> None:
    stored(archives / "other" / "b.warc.gz", [response("http://other.example/", page_of(), number=1)])
    with pytest.raises(NewscrawlError, match=r"not indexed: .*other: `newscrawl index build`"):
        run("http://other.example/", "--archives", archives)


def test_a_saved_page_needs_its_url(saved: Callable[[str], Path]) -> None:
    with pytest.raises(NewscrawlError, match="--url is missing"):
        run(saved(page_of()))
    with pytest.raises(NewscrawlError, match="not an absolute"):
        run(saved(page_of()), "--url", "le-pont")


def test_a_url_is_only_for_a_saved_page(archives: Path) -> None:
    with pytest.raises(NewscrawlError, match="--url is for a page saved as a file"):
        run(URL, "--url", URL, "--archives", archives)


def test_a_model_that_is_none_is_an_error(saved: Callable[[str], Path]) -> None:
    page = saved(page_of())
    with pytest.raises(NewscrawlError, match="is no model"):
        run(page, "--url", URL, "--model", page)


@pytest.mark.parametrize("damage", ["empty", "cut", "bytes", "foreign", "array"])
def test_a_damaged_model_is_an_error_that_names_it(
    damage: str, saved: Callable[[str], Path], tmp_path: Path
) -> None:
    whole = files("newscrawl.extraction.classifier").joinpath("model.npz").read_bytes()
    path = tmp_path / "other.npz"
    if damage == "foreign":
        np.savez(path, unknown=np.zeros(3))
    elif damage == "array":
        with path.open("wb") as out:
            np.save(out, np.zeros(3))
    else:
        middle = len(whole) // 2
        spoilt = whole[:200] + bytes(64) + whole[264:]
        path.write_bytes({"empty": b"", "cut": whole[:middle], "bytes": spoilt}[damage])
    with pytest.raises(NewscrawlError, match=r"other\.npz is no model of the classifier: \S"):
        run(saved(page_of()), "--url", URL, "--model", path)


def test_a_page_without_a_story_is_explained_and_exits_with_a_code_of_its_own(
    saved: Callable[[str], Path], tmp_path: Path
) -> None:
    path = saved(f"<html><body><nav><ul>{MENU}</ul></nav></body></html>")
    account = told(path, "--url", URL, "--html", tmp_path / "out.html", code=NO_ARTICLE)
    assert account["outcome"] != "article"
    assert account["blocks"]
    assert "Politique" in (tmp_path / "out.html").read_text(encoding="utf-8")
    shown = run(path, "--url", URL)
    assert shown.exit_code == NO_ARTICLE
    assert f"rejected: {account['outcome']}" in shown.stdout


def test_bytes_that_are_no_page_are_explained_too(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_bytes(b"%PDF-1.7 and so on")
    account = told(path, "--url", URL, "--html", tmp_path / "out.html", code=NO_ARTICLE)
    assert (account["outcome"], account["blocks"]) == ("binary", [])
    assert "No block of text could be read" in (tmp_path / "out.html").read_text(encoding="utf-8")


def test_a_page_whose_coding_is_broken_is_explained_too(tmp_path: Path) -> None:
    path = stored(
        tmp_path / "one.warc.gz", [response(URL, "\x00 no gzip", "Content-Encoding: gzip", number=1)]
    )
    assert told(path, code=NO_ARTICLE)["outcome"] == "bad_encoding"


def test_the_terminal_shows_the_story_and_folds_what_was_dropped(saved: Callable[[str], Path]) -> None:
    path = saved(page_of())
    lines = run(path, "--url", URL).stdout.splitlines()
    assert sum(line.startswith("+ ") for line in lines) == len(PARAGRAPHS)
    assert any("Accueil" in line and "judge: unlikely" in line for line in lines)
    assert any("cookies" in line and "platform: consent" in line for line in lines)
    assert not any("Sports" in line for line in lines)
    whole = run(path, "--url", URL, "--full").stdout
    assert all(text in whole for text in ("Politique", "Sports", *PARAGRAPHS))


def test_the_terminal_is_not_obeyed_to(saved: Callable[[str], Path]) -> None:
    shown = run(saved(HOSTILE), "--url", URL, "--full").stdout
    assert "rouge" in shown
    assert not re.search("[\x1b\x9b\u202e]", shown)


def test_the_file_escapes_all_a_page_says(saved: Callable[[str], Path], tmp_path: Path) -> None:
    target = tmp_path / "out.html"
    account = told(saved(HOSTILE), "--url", URL, "--html", target)
    text = target.read_text(encoding="utf-8")
    tree = lxml_html.document_fromstring(text)
    tags = {element.tag for element in tree.iter()}
    assert not tags & {"script", "img", "iframe", "a", "link", "form", "object", "embed", "svg", "base"}
    assert len(tree.xpath("//meta")) == 5
    assert len(tree.xpath("//style")) == 1
    attributes = {name for element in tree.iter() for name in element.attrib}
    assert not [
        name for name in attributes if name.startswith("on") or name in {"src", "href", "style", "action"}
    ]
    assert "&lt;script src=//evil.example/a.js&gt;" in text
    assert "${title} $url" in text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text)
    shown = [one.text_content() for one in tree.find_class("text")]
    assert len(shown) == len(account["blocks"])


def test_the_files_policy_lets_its_own_style_through_and_nothing_else(
    saved: Callable[[str], Path], tmp_path: Path
) -> None:
    target = tmp_path / "out.html"
    run(saved(page_of()), "--url", URL, "--html", target)
    text = target.read_text(encoding="utf-8")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "url(" not in style
    assert "@import" not in style


def test_the_same_page_gives_the_same_file(saved: Callable[[str], Path], tmp_path: Path) -> None:
    page, first, second = saved(page_of()), tmp_path / "1.html", tmp_path / "2.html"
    for target in (first, second):
        assert run(page, "--url", URL, "--html", target).stdout == ""
    assert first.read_bytes() == second.read_bytes()


def test_a_file_that_cannot_be_written_is_an_error(saved: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(NewscrawlError, match="cannot write"):
        run(saved(page_of()), "--url", URL, "--html", tmp_path / "nowhere" / "out.html")
