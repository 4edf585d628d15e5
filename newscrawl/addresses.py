"""Which IP addresses belong to the public internet, seen through every wrapping."""

from __future__ import annotations

import ipaddress

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def is_public(address: str) -> bool:
    """Whether a crawl may connect there: global, unicast, and so is the IPv4 address wrapped in it.

    `is_global` alone says yes to multicast, NAT64 (RFC 6052) and 6to4 (RFC 3056) forms of loopback.
    """
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        return ip.is_global and not ip.is_multicast and all(is_public(str(v4)) for v4 in _wrapped(ip))
    return ip.is_global and not ip.is_multicast


def is_loopback(address: str) -> bool:
    """Whether a literal address is this machine's own."""
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return False


def _wrapped(ip: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    found = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
    if ip in _NAT64:
        found.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    return [v4 for v4 in found if v4 is not None]
