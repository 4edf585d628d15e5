"""URLs: which of them may be fetched, and which of them are the same page."""

from __future__ import annotations

import re
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

# Parameters that say where a reader came from, never which page is meant. Anything else stays, because
# SPIP (id_article), old WordPress (p) and many others identify the page in the query.
_TRACKING = re.compile(
    r"^(utm_[a-z_]+|fbclid|gclid|dclid|gbraid|wbraid|msclkid|yclid|twclid|igshid|mc_cid|mc_eid|"
    r"at_(medium|campaign|custom\d|format|link_[a-z_]+)|ns_(mchannel|source|campaign|linkname|fee)|"
    r"xtor|xtref|cmpid|_ga|_gl|ref_src|ref_url|guccounter|guce_referrer(_sig)?|wt_mc|spm|"
    r"rss|source_feed|feed_id|amp_js_v|usqp)$",
    re.IGNORECASE,
)
# Session ids: they change with every visit, and the page stays the same.
_SESSION = re.compile(
    r"^(?:(?:phpsessid|jsessionid|aspsessionid[a-z]{0,20})=.*|(?:sid|session_?id|zenid|oscsid)=[0-9a-f]{26,64})$",
    re.IGNORECASE,
)
_SESSION_SEGMENT = re.compile(r";(?:jsessionid|phpsessid)=[^;/]*", re.IGNORECASE)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_INVALID_IN_HOST = re.compile(r"[\s\\\x00-\x1f\x7f<>\"^`{|}]")
_DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_URL_CHARS = 2083
USERINFO_PROBLEM = "contains a user or a password (user:password@), which would be archived: remove it"
"What is said of a URL that must not be crawled; the URL itself is not repeated, since logs hold messages."


def absolute_url(url: str, base: str) -> str | None:
    """`url` resolved against `base`, without fragment and surrounding spaces; None for other schemes."""
    try:
        joined = urljoin(base, re.sub(r"[\t\r\n]", "", url.strip()))
        parts = urlsplit(joined)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or port == 0:
        return None
    if _INVALID_IN_HOST.search(parts.netloc) or _SURROGATE.search(joined):
        return None
    resolved = urlunsplit(parts._replace(fragment=""))
    return resolved if len(resolved) <= MAX_URL_CHARS else None


def has_userinfo(url: str) -> bool:
    """Whether a URL holds a user or a password, even an empty one (RFC 3986, section 3.2.1)."""
    try:
        return "@" in urlsplit(url.strip()).netloc
    except ValueError:
        return False


def normalize_url(url: str) -> str:
    """The identity of a page: lower-case host, no default port, fragment, tracking parameters or session.

    The query stays in its order; percent-encoding is completed, never undone.
    """
    parts = urlsplit(url.strip())
    host = (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    if parts.port and parts.port != _DEFAULT_PORTS.get(parts.scheme):
        host = f"{host}:{parts.port}"
    pairs = [pair for pair in parts.query.split("&") if pair and not _is_visit_parameter(pair)]
    path = quote(_SESSION_SEGMENT.sub("", parts.path) or "/", safe="/%:@!$&'()*+,;=~-._", errors="replace")
    query = quote("&".join(pairs), safe="/%:@!$&'()*+,;=~-._?[]", errors="replace")
    return urlunsplit((parts.scheme.lower(), host, path, query, ""))


def _is_visit_parameter(pair: str) -> bool:
    return bool(_TRACKING.match(pair.partition("=")[0]) or _SESSION.match(pair))


def url_host(url: str) -> str:
    """Host name, lower-case, without `www.`; empty when there is none."""
    try:
        host = (urlsplit(url).hostname or "").lower()
    except ValueError:
        return ""
    return host.removeprefix("www.")


def is_same_site(url: str, home: str) -> bool:
    """Whether `url` is on the host of `home` or on a host below it (same port on an IP address)."""
    host, base = url_host(url), url_host(home)
    if not host or not base:
        return False
    if base.replace(".", "").isdigit() or ":" in base:
        return urlsplit(url).netloc == urlsplit(home).netloc
    return host == base or host.endswith("." + base)
