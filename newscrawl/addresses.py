"""Which IP addresses belong to the public internet, seen through every wrapping, and who else is allowed."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Self

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_UNICAST = ipaddress.ip_network("2000::/3")
"All of IPv6 that is given out as global unicast; outside, `is_global` takes what is unknown for public."
_NOT_PUBLIC = (ipaddress.ip_network("192.0.0.0/24"), ipaddress.ip_network("3fff::/20"))
"Of protocols and documentation, which older Pythons take for public."
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})
"The third quarter of an address that ends with an IPv4 one (RFC 5214)."


def is_public(address: str) -> bool:
    """Whether a crawl may connect there: global, unicast, and so is the IPv4 address wrapped in it.

    `is_global` alone says yes to multicast, NAT64 (RFC 6052) and 6to4 (RFC 3056) forms of loopback.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if any(ip in network for network in _NOT_PUBLIC):
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        is_unicast = ip in _UNICAST or ip in _NAT64 or ip.ipv4_mapped is not None
        return is_unicast and ip.is_global and all(is_public(str(v4)) for v4 in _wrapped(ip))
    return ip.is_global and not ip.is_multicast


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowance:
    """Places a crawl may connect to though they are not public."""

    everywhere: bool = False
    places: frozenset[tuple[str, int | None]] = frozenset()
    "Name or address in lower case, with its port; None is any port."

    @classmethod
    def of(cls, text: str) -> Self:
        """Of `0`, `1`, or places as in `127.0.0.1:8001,intranet.example,[::1]:80`; else ValueError."""
        named = text.strip().lower()
        if named in {"", "0", "false", "1", "true"}:
            return cls(everywhere=named in {"1", "true"})
        return cls(places=frozenset(_place(part.strip()) for part in named.split(",") if part.strip()))

    def covers(self, host: str, port: int | None = None) -> bool:
        """Whether a name or an address is allowed; without a port, whether it is on any."""
        if self.everywhere:
            return True
        key = host.strip("[]").lower()
        return any(name == key and (port in (None, of) or of is None) for name, of in self.places)


def _place(text: str) -> tuple[str, int | None]:
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]") or _is_address(text):
        host, port = text, ""
    if not host or (port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536)):
        raise ValueError(f"{text!r} is neither 0, 1, a host nor host:port")
    return host.strip("[]"), int(port) if port else None


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_loopback(address: str) -> bool:
    """Whether a literal address is this machine's own."""
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False


def _wrapped(ip: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    found = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
    if ip in _NAT64 or (int(ip) >> 32) & 0xFFFFFFFF in _ISATAP:
        found.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    return [v4 for v4 in found if v4 is not None]
