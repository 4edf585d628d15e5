"""A mail server on loopback that keeps what it gets."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword


@dataclass
class Mailbox:
    """Mails in their order, to whom, and who logged in."""

    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    log_ins: list[tuple[str, str]] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    "Given in turn to the mails; they are taken when there are no more."
    unknown: set[str] = field(default_factory=set)
    "Addresses that are refused."
    port: int = 0

    async def handle_RCPT(  # noqa: N802 # what aiosmtpd calls it
        self, _server: Any, _session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.unknown:
            return "550 nobody of that name"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 # what aiosmtpd calls it
        self, _server: Any, _session: Any, envelope: Envelope
    ) -> str:
        if self.answers:
            return self.answers.pop(0)
        mail = message_from_bytes(cast("bytes", envelope.content), policy=policy.default)
        self.mails.append(mail)
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 taken"

    def log_in(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        pair = (data.login.decode(), data.password.decode())
        self.log_ins.append(pair)
        # Not handled: the server itself answers a wrong password.
        return AuthResult(success=pair == ("paul", "kola-nut"), handled=False)


class _AnyPort(Controller):
    """On a port that is free: the controller tries its server by the port that it was given."""

    def _trigger_server(self) -> None:
        self.port = cast("Any", self.server).sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def serve_mailbox(mailbox: Mailbox, pem: Path | None = None, *, is_tls: bool = False) -> Iterator[Mailbox]:
    """`pem`: with STARTTLS and a log-in, which are then required; `is_tls`: in TLS from the start instead."""
    context = None
    if pem:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
    options: dict[str, Any] = {"require_starttls": True, "tls_context": context} if pem and not is_tls else {}
    if pem:
        options |= {"authenticator": mailbox.log_in, "auth_required": True, "auth_require_tls": not is_tls}
    controller = _AnyPort(
        mailbox, hostname="127.0.0.1", port=0, ssl_context=context if is_tls else None, **options
    )
    controller.start()
    mailbox.port = controller.port
    try:
        yield mailbox
    finally:
        controller.stop()
