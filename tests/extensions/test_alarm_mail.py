"""Alarms as text and as mail: the template, the server, encryption, and what may go wrong."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import pytest
from wire.mailbox import Mailbox, serve_mailbox
from wire.tls import self_signed

from newscrawl.extensions.alarm_mail import (
    TEMPLATE_NAMES,
    USUAL_TEMPLATE,
    AlarmText,
    MailServer,
    check_template,
    fill_alarm_template,
    list_alarm_values,
    parse_mail_server,
)
from newscrawl.extensions.monitoring import mail_alarms, read_template
from newscrawl.monitoring.alarms import Alarm

FACTS = {"outlet": "echo", "run": "echo-1", "finished": "2026-05-01T10:00:00Z", "reason": "finished"}
FACTS |= {"error": "", "pages": "31", "articles": "6"}
ALARMS = [Alarm("layout_broken", "error", "articles are 20%\r\nBcc: all@example.org\x1b[2J")]
TEXT = AlarmText(subject="newscrawl: écho: layout_broken", body="error: layout_broken: articles are 20 %\n")
PEOPLE = ["a@news.example", "b@news.example"]


def server(mailbox: Mailbox, encryption: str = "none", user: str = "", password: str = "") -> MailServer:
    return parse_mail_server(f"127.0.0.1:{mailbox.port}", encryption, user, password)


def test_the_usual_template_says_what_is_new_and_what_stands() -> None:
    values = list_alarm_values(FACTS, ALARMS, ["layout_broken"], ["feed_frozen"])
    text = fill_alarm_template(USUAL_TEMPLATE, values)
    assert text.subject == "newscrawl: echo: layout_broken, feed_frozen is over"
    assert "error: layout_broken: articles are 20%\\r\\nBcc: all@example.org\\x1b[2J" in text.body
    assert "last run: echo-1, ended 2026-05-01T10:00:00Z (finished)" in text.body
    assert "pages: 31, articles: 6, error: none" in text.body
    assert set(values) == set(TEMPLATE_NAMES)
    well = fill_alarm_template(USUAL_TEMPLATE, list_alarm_values(FACTS, [], [], ["text_short"]))
    assert well.subject == "newscrawl: echo: text_short is over"
    assert well.body.startswith("no alarm stands\n")


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("Subject: $outlet\n$alarms", ""),
        ("Subject: $outlett\n", "$outlett stands for nothing: there are $outlet, $run, $summary"),
        ("$alarms", "its first line does not begin with 'Subject:'"),
        ("Subject: 5 $ off\n", "Invalid placeholder"),
    ],
)
def test_a_template_is_checked_before_it_is_needed(
    template: str, fault: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert check_template(template).startswith(fault)
    assert bool(check_template(template)) == bool(fault)
    path = tmp_path / "alarms.txt"
    path.write_text(template, encoding="utf-8")
    assert read_template(str(path)) == (USUAL_TEMPLATE if fault else template)
    assert (f"NEWSCRAWL_ALARM_TEMPLATE: {path}: " in caplog.text) == bool(fault)


def test_a_template_that_is_not_there_is_an_error_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    assert read_template("/nowhere/alarms.txt") == USUAL_TEMPLATE
    assert "/nowhere/alarms.txt: No such file or directory" in caplog.text
    assert caplog.records[0].levelno == logging.ERROR


def test_a_mail_arrives_for_everybody() -> None:
    with serve_mailbox(Mailbox()) as mailbox:
        assert mail_alarms(TEXT, "news@news.example", PEOPLE, server(mailbox))
    [mail] = mailbox.mails
    assert mailbox.recipients == [PEOPLE]
    assert (mail["subject"], mail["from"]) == (TEXT.subject, "news@news.example")
    assert mail["to"] == ", ".join(PEOPLE)
    assert mail["auto-submitted"] == "auto-generated"
    assert mail.get_content().replace("\r\n", "\n") == TEXT.body


@pytest.mark.filterwarnings("ignore:Session.login_data is deprecated")  # aiosmtpd sets it by itself
@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # there is TLS from the start
@pytest.mark.parametrize("encryption", ["starttls", "tls"])
def test_an_encrypted_connection_needs_a_certificate_that_is_trusted(
    encryption: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pem = self_signed(tmp_path)
    with serve_mailbox(Mailbox(), pem, is_tls=encryption == "tls") as mailbox:
        place = server(mailbox, encryption, "paul", "kola-nut")
        assert not mail_alarms(TEXT, PEOPLE[0], PEOPLE, place)
        assert (mailbox.mails, mailbox.log_ins) == ([], [])
        monkeypatch.setenv("SSL_CERT_FILE", str(pem))
        assert mail_alarms(TEXT, PEOPLE[0], PEOPLE, place)
        assert mailbox.log_ins == [("paul", "kola-nut")]
        wrong = server(mailbox, encryption, "paul", "wr0ng")
        assert not mail_alarms(TEXT, PEOPLE[0], PEOPLE, wrong)
    assert len(mailbox.mails) == 1
    assert "127.0.0.1 answered 535" in caplog.text
    assert "wr0ng" not in caplog.text
    assert "kola-nut" not in caplog.text


def test_a_refusal_is_logged_and_the_next_mail_is_taken(caplog: pytest.LogCaptureFixture) -> None:
    with serve_mailbox(Mailbox(answers=["451 later"])) as mailbox:
        assert not mail_alarms(TEXT, PEOPLE[0], PEOPLE, server(mailbox))
        assert "nobody got the alarms by mail: 127.0.0.1 answered 451" in caplog.text
        assert mail_alarms(TEXT, PEOPLE[0], PEOPLE, server(mailbox))


def test_a_mail_that_some_get_is_taken_and_the_others_are_named(caplog: pytest.LogCaptureFixture) -> None:
    with serve_mailbox(Mailbox(unknown={PEOPLE[1]})) as mailbox:
        assert mail_alarms(TEXT, PEOPLE[0], PEOPLE, server(mailbox))
    assert mailbox.recipients == [[one for one in PEOPLE if one != PEOPLE[1]]]
    assert f"127.0.0.1 takes no mail for {PEOPLE[1]}" in caplog.text


def test_no_server_and_a_silent_one_cost_little(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        place = parse_mail_server(f"127.0.0.1:{port}", "none")
        assert not mail_alarms(TEXT, PEOPLE[0], PEOPLE, place, seconds=0.3)
    assert not mail_alarms(TEXT, PEOPLE[0], PEOPLE, place, seconds=5)
    assert f"127.0.0.1 port {port}: Connection refused" in caplog.text
    assert not mail_alarms(TEXT, "a\nBcc: b@c.example", PEOPLE, place)
    assert "NEWSCRAWL_MAIL, NEWSCRAWL_MAIL_FROM: " in caplog.text


@pytest.mark.parametrize(
    ("words", "port"),
    [
        (("mail.example", "none"), 25),
        (("mail.example", "starttls"), 587),
        (("mail.example", "tls"), 465),
        (("mail.example:2525", "none"), 2525),
    ],
)
def test_a_server_has_the_port_of_its_kind(words: tuple[str, str], port: int) -> None:
    assert (parse_mail_server(*words).host, parse_mail_server(*words).port) == ("mail.example", port)


@pytest.mark.parametrize("words", [("mail.example", "ssl"), ("mail.example:smtp", "none"), ("", "none")])
def test_what_names_no_server_is_an_error(words: tuple[str, str]) -> None:
    with pytest.raises(ValueError, match=r"is no server such as|is none of none, starttls, tls"):
        parse_mail_server(*words)


def test_a_password_is_sent_unencrypted_to_this_machine_alone() -> None:
    with pytest.raises(ValueError, match=r"the password would go to mail\.example unencrypted"):
        parse_mail_server("mail.example", "none", "paul", "kola-nut")
    assert parse_mail_server("localhost", "none", "paul", "kola-nut").user == "paul"
