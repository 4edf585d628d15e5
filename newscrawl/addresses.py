"""Which IP addresses are public, even inside tunnel addresses, and which others are allowed."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Self

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_UNICAST = ipaddress.ip_network("2000::/3")
"The assigned global unicast range of IPv6; outside, `is_global` calls unknown addresses public."
_NOT_PUBLIC = (ipaddress.ip_network("192.0.0.0/24"), ipaddress.ip_network("3fff::/20"))
"Addresses for protocols and documentation, which older Pythons call public."
_ISATAP = frozenset({0x00005EFE, 0x02005EFE})
"Bits 64 to 95 of an address that ends with an IPv4 address (RFC 5214)."


def is_public(address: str) -> bool:
    """Whether a crawl may connect there: it is global unicast, and so is an IPv4 address inside it.

    `is_global` alone accepts multicast, NAT64 (RFC 6052) and 6to4 (RFC 3056) forms of loopback.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if any(ip in network for network in _NOT_PUBLIC):
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        is_unicast = ip in _UNICAST or ip in _NAT64 or ip.ipv4_mapped is not None
        return is_unicast and ip.is_global and all(is_public(str(v4)) for v4 in _embedded_ipv4(ip))
    return ip.is_global and not ip.is_multicast


@dataclass(frozen=True, kw_only=True, slots=True)
class AllowedAddresses:
    """Addresses that a crawl may connect to although they are not public."""

    everywhere: bool = False
    places: frozenset[tuple[str, int | None]] = frozenset()
    "Name or address in lower case, and its port; None is any port."

    @classmethod
    def parse(cls, text: str) -> Self:
        """From `0`, `1`, or a list such as `127.0.0.1:8001,intranet.example,[::1]:80`; else ValueError."""
        value = text.strip().lower()
        if value in {"", "0", "false", "1", "true"}:
            return cls(everywhere=value in {"1", "true"})
        return cls(places=frozenset(_parse_place(part.strip()) for part in value.split(",") if part.strip()))

    def covers(self, host: str, port: int | None = None) -> bool:
        """Whether a name or address is allowed; without a port, whether it is allowed on any port."""
        if self.everywhere:
            return True
        key = host.strip("[]").lower()
        return any(
            name == key and (port in (None, allowed) or allowed is None) for name, allowed in self.places
        )


def _parse_place(text: str) -> tuple[str, int | None]:
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
    """Whether a literal address is that of this machine itself."""
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False


def _embedded_ipv4(ip: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    embedded = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
    if ip in _NAT64 or (int(ip) >> 32) & 0xFFFFFFFF in _ISATAP:
        embedded.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    return [v4 for v4 in embedded if v4 is not None]
