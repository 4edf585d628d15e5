"""URLs: what makes two of them the same page, and what may be fetched at all."""

from __future__ import annotations

import re
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

# Parameters that say where a reader came from, never which page is meant. Anything not listed stays:
# SPIP (id_article), old WordPress (p) and many others keep the page's identity in the query.
_TRACKING = re.compile(
    r"^(utm_[a-z_]+|fbclid|gclid|dclid|gbraid|wbraid|msclkid|yclid|twclid|igshid|mc_cid|mc_eid|"
    r"at_(medium|campaign|custom\d|format|link_[a-z_]+)|ns_(mchannel|source|campaign|linkname|fee)|"
    r"xtor|xtref|cmpid|_ga|_gl|ref_src|ref_url|guccounter|guce_referrer(_sig)?|wt_mc|spm|"
    r"rss|source_feed|feed_id|amp_js_v|usqp)$",
    re.IGNORECASE,
)
# Names of sessions: every visit is given another, and the page behind it stays the same.
_SESSION = re.compile(
    r"^(?:(?:phpsessid|jsessionid|aspsessionid[a-z]{0,20})=.*|(?:sid|session_?id|zenid|oscsid)=[0-9a-f]{26,64})$",
    re.IGNORECASE,
)
_SESSION_STEP = re.compile(r";(?:jsessionid|phpsessid)=[^;/]*", re.IGNORECASE)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_NOT_IN_HOSTS = re.compile(r"[\s\\\x00-\x1f\x7f<>\"^`{|}]")
_DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_URL_CHARS = 2083


def absolute(url: str, base: str) -> str | None:
    """`url` seen from `base`, without fragment and spaces around; None when it is no http(s) URL."""
    try:
        joined = urljoin(base, re.sub(r"[\t\r\n]", "", url.strip()))
        parts = urlsplit(joined)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or port == 0:
        return None
    if _NOT_IN_HOSTS.search(parts.netloc) or _SURROGATE.search(joined):
        return None
    clean = urlunsplit(parts._replace(fragment=""))
    return clean if len(clean) <= MAX_URL_CHARS else None


def normal_url(url: str) -> str:
    """The identity of a page: lower-case host, no default port, fragment, tracking parameters or session.

    The query is kept, in its order; percent-encoding is completed, never undone.
    """
    parts = urlsplit(url.strip())
    host = (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    if parts.port and parts.port != _DEFAULT_PORTS.get(parts.scheme):
        host = f"{host}:{parts.port}"
    kept = [pair for pair in parts.query.split("&") if pair and not _is_of_a_visit(pair)]
    path = quote(_SESSION_STEP.sub("", parts.path) or "/", safe="/%:@!$&'()*+,;=~-._", errors="replace")
    query = quote("&".join(kept), safe="/%:@!$&'()*+,;=~-._?[]", errors="replace")
    return urlunsplit((parts.scheme.lower(), host, path, query, ""))


def _is_of_a_visit(pair: str) -> bool:
    return bool(_TRACKING.match(pair.partition("=")[0]) or _SESSION.match(pair))


def host_of(url: str) -> str:
    """Host name, lower-case, without `www.`; empty when there is none."""
    try:
        host = (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
    return host.removeprefix("www.")


def same_site(url: str, home: str) -> bool:
    """Whether `url` is on the host of `home` or on a host below it (same port on an IP address)."""
    host, base = host_of(url), host_of(home)
    if not host or not base:
        return False
    if base.replace(".", "").isdigit() or ":" in base:
        return urlsplit(url).netloc == urlsplit(home).netloc
    return host == base or host.endswith("." + base)
