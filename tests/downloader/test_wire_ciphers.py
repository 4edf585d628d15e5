"""Cipher suites: OpenSSL's names become IANA's."""

import ssl

from newscrawl.downloader.wire import iana_name


def test_names_are_translated() -> None:
    assert iana_name("TLS_AES_128_GCM_SHA256") == "TLS_AES_128_GCM_SHA256"
    assert iana_name("ECDHE-RSA-CHACHA20-POLY1305") == "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"
    assert iana_name("AES128-SHA") == "TLS_RSA_WITH_AES_128_CBC_SHA"
    assert iana_name("MADE-UP") is None
    assert iana_name(None) is None


def test_every_suite_that_openssl_enables_by_itself_has_a_name() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("DEFAULT:!PSK:!SRP")
    names = [cipher["name"] for cipher in context.get_ciphers()]
    assert len(names) > 20
    assert not [name for name in names if not iana_name(name)]
