"""The alarms of a run as text for people, and the mail that brings it to them."""

from __future__ import annotations

import logging
import smtplib
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from string import Template
from typing import Literal

from newscrawl.logs import escape_controls
from newscrawl.monitoring.alarms import Alarm

logger = logging.getLogger(__name__)

TEMPLATE_NAMES = (
    "outlet",
    "run",
    "summary",
    "alarms",
    "raised",
    "cleared",
    "finished",
    "reason",
    "error",
    "pages",
    "articles",
)
"What a template may contain, each after a dollar sign."
USUAL_TEMPLATE = """\
Subject: newscrawl: $outlet: $summary

$alarms

new: $raised
over: $cleared
last run: $run, ended $finished ($reason)
pages: $pages, articles: $articles, error: $error

`newscrawl status $outlet` shows how the outlet is doing now.
"""
THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
SUBJECT = "Subject: "
"The first line of a template begins so."
NOTHING = "none"

Encryption = Literal["none", "starttls", "tls"]
ENCRYPTIONS: tuple[Encryption, ...] = ("none", "starttls", "tls")


@dataclass(frozen=True, kw_only=True, slots=True)
class MailServer:
    """Who takes mail, and how."""

    host: str
    port: int
    encryption: Encryption
    user: str = ""
    "Empty: the server wants none."
    password: str = ""


def parse_mail_server(server: str, encryption: str, user: str = "", password: str = "") -> MailServer:
    """The server of `host` or `host:port`; ValueError says what is wrong."""
    host, colon, port = server.rpartition(":") if ":" in server else (server, "", "")
    usual = {"none": 25, "starttls": 587, "tls": 465}
    if encryption not in ENCRYPTIONS:
        raise ValueError(f"{encryption!r} is none of {', '.join(ENCRYPTIONS)}")
    if not host or (colon and not port.isdecimal()):
        raise ValueError(f"{server!r} is no server such as mail.example.org:587")
    if user and encryption == "none" and host.strip("[]") not in THIS_MACHINE:
        raise ValueError(f"the password would go to {host} unencrypted: use 'starttls' or 'tls'")
    return MailServer(
        host=host.strip("[]"),
        port=int(port or usual[encryption]),
        encryption=ENCRYPTIONS[ENCRYPTIONS.index(encryption)],
        user=user,
        password=password,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class AlarmText:
    """What people read about the alarms of a run."""

    subject: str
    body: str

    def __str__(self) -> str:
        return f"{self.subject}\n{self.body}"


def check_template(text: str) -> str:
    """Why a template cannot be used; empty for one that can."""
    try:
        fill_alarm_template(text, dict.fromkeys(TEMPLATE_NAMES, ""))
    except KeyError as error:
        return f"${error.args[0]} stands for nothing: there are ${', $'.join(TEMPLATE_NAMES)}"
    except ValueError as error:
        return str(error)
    return ""


def fill_alarm_template(text: str, values: Mapping[str, object]) -> AlarmText:
    """Subject and text; KeyError for an unknown `$name`, ValueError for a text that is no template."""
    if not text.startswith(SUBJECT):
        raise ValueError(f"its first line does not begin with {SUBJECT.strip()!r}")
    subject, _, body = Template(text).substitute(values).partition("\n")
    # The values may quote a site: a line break would begin a header of its own.
    return AlarmText(subject=escape_controls(subject.removeprefix(SUBJECT)).strip(), body=body.strip() + "\n")


def list_alarm_values(
    facts: Mapping[str, object], alarms: Sequence[Alarm], raised: Sequence[str], cleared: Sequence[str]
) -> dict[str, str]:
    """The values of a template. `facts`: the report's fields of the same names."""
    summary = ", ".join([*raised, *(f"{name} is over" for name in cleared)])
    lines = [f"{alarm.level}: {alarm.name}: {escape_controls(alarm.detail)}" for alarm in alarms]
    values = {name: escape_controls(str(value or NOTHING)) for name, value in facts.items()}
    return values | {
        "summary": summary or NOTHING,
        "alarms": "\n".join(lines) or "no alarm stands",
        "raised": ", ".join(raised) or NOTHING,
        "cleared": ", ".join(cleared) or NOTHING,
    }


def compose_mail(text: AlarmText, sender: str, recipients: Sequence[str], date: datetime) -> EmailMessage:
    """The mail; ValueError if an address cannot stand in a header."""
    mail = EmailMessage()
    mail["Subject"] = text.subject
    mail["From"] = sender
    mail["To"] = ", ".join(recipients)
    mail["Date"] = format_datetime(date)
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text.body)
    return mail


def send_mail(mail: EmailMessage, server: MailServer, seconds: float) -> str:
    """Hand a mail to its server; why that was not possible, without the password, or nothing.

    A server that takes it for some of the recipients has taken it; the log names the others.
    `seconds`: time limit for each answer of the server.
    """
    try:
        if server.encryption == "tls":
            context = ssl.create_default_context()
            client: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=seconds, context=context
            )
        else:
            client = smtplib.SMTP(server.host, server.port, timeout=seconds)
        with client:
            if server.encryption == "starttls":
                client.starttls(context=ssl.create_default_context())
            if server.user:
                client.login(server.user, server.password)
            refused = client.send_message(mail)
    except smtplib.SMTPResponseException as error:
        return f"{server.host} answered {error.smtp_code}"
    except (OSError, ValueError, smtplib.SMTPException) as error:
        return f"{server.host} port {server.port}: {getattr(error, 'strerror', None) or type(error).__name__}"
    if refused:
        logger.warning("%s takes no mail for %s", server.host, ", ".join(sorted(refused)))
    return ""
