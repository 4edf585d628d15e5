"""Only the public internet is public, however an address is wrapped."""

import pytest

from newscrawl.addresses import AllowedAddresses, is_loopback, is_public


@pytest.mark.parametrize(
    "address",
    [
        "93.184.215.14",
        "2606:4700::6810:84e5",
        "::ffff:93.184.215.14",
        "64:ff9b::8.8.8.8",
        "2600::5efe:8.8.8.8",
    ],
)
def test_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.1", "172.16.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
        "64:ff9b::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::1", "not an address", "",
        "::127.0.0.1", "::ffff:0:127.0.0.1", "64:ff9b:1::7f00:1", "fec0::1", "fe00::1", "4000::1", "5f00::1",
        "3fff::1", "2600::5efe:127.0.0.1", "2600::200:5efe:10.0.0.1", "192.0.0.8",
    ],
)  # fmt: skip
def test_not_public(address: str) -> None:
    assert not is_public(address)


def test_loopback_is_told_from_literals_alone() -> None:
    assert is_loopback("127.0.0.1")
    assert is_loopback("[::1]")
    assert not is_loopback("localhost")
    assert not is_loopback("10.0.0.1")


@pytest.mark.parametrize(
    ("text", "everywhere"), [("", False), ("0", False), ("false", False), ("1", True), ("True", True)]
)
def test_all_or_nothing_is_allowed(text: str, everywhere: bool) -> None:
    assert AllowedAddresses.parse(text) == AllowedAddresses(everywhere=everywhere)
    assert AllowedAddresses.parse(text).covers("127.0.0.1", 80) is everywhere


def test_places_are_allowed_one_by_one() -> None:
    some = AllowedAddresses.parse("127.0.0.1:8001, Intranet.example,[::1]:80,fd00::2")
    assert some.covers("127.0.0.1", 8001)
    assert not some.covers("127.0.0.1", 80)
    assert some.covers("127.0.0.1"), "on some port"
    assert some.covers("intranet.EXAMPLE", 9000)
    assert some.covers("[::1]", 80)
    assert not some.covers("::1", 443)
    assert some.covers("fd00::2", 443)
    assert not some.covers("10.0.0.1", 8001)


@pytest.mark.parametrize("text", ["127.0.0.1:http", "host:0", "host:70000", ":80", "a:b:c"])
def test_what_names_no_place_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="neither"):
        AllowedAddresses.parse(text)
