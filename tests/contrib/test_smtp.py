"""The backend that uses PIPELINING: what it says and when, and what it makes of each answer."""

import contextlib
import re
import smtplib
from typing import Any

import pytest

from django_notification_system.contrib.smtp import PipeliningSMTP
from tests.support.scripted_smtp import EXTENSIONS, HANG_UP, ScriptedSmtp

PIPELINING = "django_notification_system.contrib.smtp.EmailBackend"
PLAIN = tuple(name for name in EXTENSIONS if name != "PIPELINING")
SENDER = "spam@example.com"
EGGS, HAM = "eggs@example.com", "ham@example.com"
MESSAGE = b"Subject: Breakfast\r\n\r\nis ready\r\n"


def client_of(server: ScriptedSmtp, kind: type[smtplib.SMTP] = PipeliningSMTP) -> smtplib.SMTP:
    return kind(server.host, server.port, local_hostname="client", timeout=20)


def envelope(*recipients: str, sender: str = SENDER, message: bytes = MESSAGE) -> bytes:
    lines = [f"mail FROM:<{sender}> size={len(message)}"]
    lines += [f"rcpt TO:<{recipient}>" for recipient in recipients]
    return "".join(f"{line}\r\n" for line in [*lines, "data"]).encode()


# --- What is said, and when -----------------------------------------------------------------


def test_a_message_takes_two_round_trips(server: ScriptedSmtp) -> None:
    with client_of(server) as client:
        assert client.sendmail(SENDER, [EGGS, HAM], MESSAGE) == {}
        assert client.sendmail(SENDER, HAM, MESSAGE) == {}
    assert server.reads == [
        envelope(EGGS, HAM),
        MESSAGE + b".\r\n",
        envelope(HAM),
        MESSAGE + b".\r\n",
    ]
    assert server.messages == [MESSAGE, MESSAGE]


def test_a_server_without_pipelining_gets_one_command_at_a_time() -> None:
    reads = []
    for kind in (smtplib.SMTP, PipeliningSMTP):
        with ScriptedSmtp(PLAIN) as server, client_of(server, kind) as client:
            client.sendmail(SENDER, [EGGS, HAM], MESSAGE)
        reads.append(server.reads)
    assert len(reads[0]) == 5
    assert reads[0] == reads[1]


CONTENTS: list[bytes | str] = [
    b"",
    b".",
    b".\r\n",
    b"\r\n.\r\n..\r\n.a\r\n",
    b"no line break",
    b"a\n.b\r\n\x00\xff",
    "text\nwith\rall\r\nkinds\n.of line breaks",
]


@pytest.mark.parametrize("content", CONTENTS, ids=repr)
def test_every_message_goes_out_as_smtplib_sends_it(content: bytes | str) -> None:
    said = []
    for kind in (smtplib.SMTP, PipeliningSMTP):
        with ScriptedSmtp() as server, client_of(server, kind) as client:
            client.sendmail(SENDER, EGGS, content)
            client.sendmail(SENDER, HAM, MESSAGE)
        assert len(server.messages) == 2
        # From 3.13 smtplib says "from" and "to".
        said.append(re.sub(rb"(?:from|to):<", lambda word: word[0].upper(), b"".join(server.reads)))
    assert said[0] == said[1]


def test_options_are_passed_on(server: ScriptedSmtp) -> None:
    with client_of(server) as client:
        client.sendmail(SENDER, ["räucher@example.com"], MESSAGE, ["SMTPUTF8"], ["NOTIFY=NEVER"])
        with pytest.raises(UnicodeEncodeError):
            client.sendmail(SENDER, ["räucher@example.com"], MESSAGE)
        client.sendmail(SENDER, EGGS, MESSAGE, ["BODY=8BITMIME"])
    size = len(MESSAGE)
    assert server.reads[0::2] == [
        f"mail FROM:<{SENDER}> size={size} SMTPUTF8\r\n"
        "rcpt TO:<räucher@example.com> NOTIFY=NEVER\r\ndata\r\n".encode(),
        f"mail FROM:<{SENDER}> size={size} BODY=8BITMIME\r\nrcpt TO:<{EGGS}>\r\ndata\r\n".encode(),
    ]


def test_smtputf8_is_not_asked_of_a_server_without() -> None:
    with ScriptedSmtp(("PIPELINING",)) as server, client_of(server) as client:
        with pytest.raises(smtplib.SMTPNotSupportedError):
            client.sendmail(SENDER, EGGS, MESSAGE, ["SMTPUTF8"])
        client.sendmail(SENDER, EGGS, MESSAGE)
    assert server.reads[0].startswith(f"mail FROM:<{SENDER}>\r\n".encode())


def test_no_command_is_smuggled_in(server: ScriptedSmtp) -> None:
    smuggled = "\r\nRSET"
    with client_of(server) as client:
        for sender, recipient in [(f"{SENDER}>{smuggled}", EGGS), (SENDER, f"<{EGGS}>{smuggled}")]:
            with contextlib.suppress(ValueError):
                client.sendmail(sender, [HAM, recipient], MESSAGE)
        with pytest.raises(ValueError, match="line break"):
            client.sendmail(SENDER, EGGS, MESSAGE, [f"BODY=8BITMIME{smuggled}"])
        with pytest.raises(ValueError, match="line break"):
            client.sendmail(SENDER, [HAM, EGGS], MESSAGE, [], [f"NOTIFY=NEVER{smuggled}"])
        client.sendmail(SENDER, EGGS, MESSAGE)
    assert server.reads[-2:] == [envelope(EGGS), MESSAGE + b".\r\n"]
    assert b"\nrset" not in b"".join(server.reads).lower()


def test_replies_of_several_lines_in_small_packets_are_read_in_order() -> None:
    with ScriptedSmtp(octets_per_write=3) as server, client_of(server) as client:
        server.script["MAIL"] = ["250-2.1.0 Good\r\n250 2.1.0 morning"]
        server.script["RCPT"] = ["250 OK", "550-5.1.1 No\r\n550-5.1.1 such\r\n550 5.1.1 user"]
        refused = client.sendmail(SENDER, [EGGS, HAM], MESSAGE)
    assert refused == {HAM: (550, b"5.1.1 No\n5.1.1 such\n5.1.1 user")}
    assert server.messages == [MESSAGE]


def test_many_recipients_go_in_groups_that_cannot_block() -> None:
    recipients = [f"somebody.with.a.longer.name.{number}@example.com" for number in range(3000)]
    with ScriptedSmtp(small_buffers=True) as server, client_of(server) as client:
        server.script["RCPT"] = [f"250 {'very well ' * 40}"] * 2000 + ["550 No"] * 100
        refused = client.sendmail(SENDER, recipients, MESSAGE)
    assert list(refused) == recipients[2000:2100]
    assert b"".join(server.reads) == envelope(*recipients) + MESSAGE + b".\r\n"
    assert max(map(len, server.reads)) <= 4096


def test_short_recipients_go_a_hundred_at_a_time(server: ScriptedSmtp) -> None:
    recipients = [f"{number}@b.c" for number in range(250)]
    with client_of(server) as client:
        client.sendmail(SENDER, recipients, MESSAGE)
    assert [read.count(b"\r\n") for read in server.reads[:-1]] == [100, 100, 52]


def test_long_recipients_go_four_kilobytes_at_a_time(server: ScriptedSmtp) -> None:
    recipients = [f"{'long.' * 10}{number}@example.com" for number in range(150)]
    with client_of(server) as client:
        client.sendmail(SENDER, recipients, MESSAGE)
    assert all(3900 < len(read) <= 4096 for read in server.reads[:-2])
    assert b"".join(server.reads) == envelope(*recipients) + MESSAGE + b".\r\n"


# --- Refusals -------------------------------------------------------------------------------

Script = dict[str, list[str]]
NO, LATER, CLOSING = "550 5.1.1 No", "451 4.3.0 Later", "421 4.3.2 Closing"
REFUSALS: dict[str, Script] = {
    "sender": {"MAIL": [NO], "RCPT": [NO, NO], "DATA": ["503 5.5.1 No"]},
    "sender, for now": {"MAIL": [LATER], "RCPT": ["503 a", "503 b"], "DATA": ["503 5.5.1 No"]},
    "one recipient": {"RCPT": [NO]},
    "the other recipient": {"RCPT": ["251 Moved", LATER]},
    "both recipients": {"RCPT": [NO, LATER], "DATA": ["554 5.5.1 No valid recipients"]},
    "data": {"DATA": ["452 4.3.1 Disk full"]},
    "one recipient and data": {"RCPT": [NO], "DATA": [LATER]},
    "message": {"MESSAGE": ["554 5.7.1 Spam"]},
    "one recipient and message": {"RCPT": [NO], "MESSAGE": [LATER]},
}
ENDS: dict[str, Script] = {
    "421 to sender": {"MAIL": [CLOSING]},
    "421 to recipient": {"RCPT": [CLOSING]},
    "421 to the other recipient": {"RCPT": [NO, CLOSING]},
    "421 to message": {"MESSAGE": [CLOSING]},
    "lost at sender": {"MAIL": [HANG_UP]},
    "lost at recipient": {"RCPT": [HANG_UP]},
    "lost after a refused recipient": {"RCPT": [NO, HANG_UP]},
    "lost at data": {"DATA": [HANG_UP]},
    "lost at message": {"MESSAGE": [HANG_UP]},
}


def result(client: smtplib.SMTP, recipients: list[str]) -> Any:
    try:
        return client.sendmail(SENDER, recipients, MESSAGE)
    except smtplib.SMTPException as error:
        return type(error), error.args


def first_result(script: Script, kind: type[smtplib.SMTP]) -> tuple[Any, bool, list[bytes]]:
    """Return what a client makes of a script, whether it stays connected, and what arrived."""
    with ScriptedSmtp() as server:
        server.script = {command: list(replies) for command, replies in script.items()}
        client = client_of(server, kind)
        result_of_first = result(client, [EGGS, HAM])
        connected = client.sock is not None
        client.close()
    return result_of_first, connected, server.messages


@pytest.mark.parametrize("script", [*REFUSALS.values(), *ENDS.values()], ids=[*REFUSALS, *ENDS])
def test_an_error_is_told_as_smtplib_tells_it(script: Script) -> None:
    assert first_result(script, PipeliningSMTP) == first_result(script, smtplib.SMTP)


@pytest.mark.parametrize("script", REFUSALS.values(), ids=REFUSALS.keys())
def test_after_a_refusal_the_next_message_goes_out(server: ScriptedSmtp, script: Script) -> None:
    server.script = {command: list(replies) for command, replies in script.items()}
    with client_of(server) as client:
        result(client, [EGGS, HAM])
        assert client.sendmail(SENDER, [HAM], MESSAGE + b"Second\r\n") == {}
    assert server.messages[-1] == MESSAGE + b"Second\r\n"
    assert server.connections == 1


@pytest.mark.parametrize("script", ENDS.values(), ids=ENDS.keys())
def test_after_an_end_the_connection_is_closed(server: ScriptedSmtp, script: Script) -> None:
    server.script = {command: list(replies) for command, replies in script.items()}
    client = client_of(server)
    result(client, [EGGS, HAM])
    assert (client.sock, server.messages) == (None, [])


def test_no_more_groups_follow_a_refused_sender(server: ScriptedSmtp) -> None:
    server.script = {"MAIL": [NO], "RCPT": ["503 No"] * 250}
    with client_of(server) as client, pytest.raises(smtplib.SMTPSenderRefused):
        client.sendmail(SENDER, [f"{number}@b.c" for number in range(250)], MESSAGE)
    assert [read.count(b"\r\n") for read in server.reads] == [100, 1]


@pytest.mark.parametrize("answer", ["554 5.5.1 No valid recipients", "250 2.0.0 Well", HANG_UP])
def test_a_message_for_nobody_is_a_dot_alone(server: ScriptedSmtp, answer: str) -> None:
    server.script = {"RCPT": [NO, LATER], "MESSAGE": [answer]}
    client = client_of(server)
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
        client.sendmail(SENDER, [EGGS, HAM], MESSAGE)
    assert refusal.value.recipients == {EGGS: (550, b"5.1.1 No"), HAM: (451, b"4.3.0 Later")}
    if answer == HANG_UP:
        assert client.sock is None
        assert server.reads == [envelope(EGGS, HAM), b".\r\n"]
        return
    with client:
        client.sendmail(SENDER, EGGS, MESSAGE)
    assert server.reads == [
        envelope(EGGS, HAM),
        b".\r\n",
        b"rset\r\n",
        envelope(EGGS),
        MESSAGE + b".\r\n",
    ]


def test_a_refused_sender_is_told_though_the_connection_is_lost(server: ScriptedSmtp) -> None:
    server.script = {"MAIL": [NO], "RCPT": [HANG_UP]}
    with pytest.raises(smtplib.SMTPSenderRefused) as refusal:
        client_of(server).sendmail(SENDER, EGGS, MESSAGE)
    assert refusal.value.smtp_code == 550


def test_refused_recipients_are_told_though_data_ends_the_connection(server: ScriptedSmtp) -> None:
    for reply in (CLOSING, HANG_UP):
        server.script = {"RCPT": [NO], "DATA": [reply]}
        client = client_of(server)
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail(SENDER, EGGS, MESSAGE)
        assert client.sock is None


def test_data_refused_with_421_closes(server: ScriptedSmtp) -> None:
    server.script = {"DATA": [CLOSING]}
    client = client_of(server)
    with pytest.raises(smtplib.SMTPDataError) as refusal:
        client.sendmail(SENDER, EGGS, MESSAGE)
    assert (refusal.value.smtp_code, client.sock) == (421, None)


def test_nothing_is_sent_to_a_server_that_takes_recipients_of_a_refused_sender(
    server: ScriptedSmtp,
) -> None:
    server.script = {"MAIL": [NO]}
    client = client_of(server)
    with pytest.raises(smtplib.SMTPSenderRefused):
        client.sendmail(SENDER, EGGS, MESSAGE)
    assert client.sock is None
    assert server.reads == [envelope(EGGS)]


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "MESSAGE"])
def test_after_nonsense_no_reply_is_taken_for_another(server: ScriptedSmtp, command: str) -> None:
    server.script = {command: ["What?"]}
    client = client_of(server)
    with pytest.raises(smtplib.SMTPException):
        client.sendmail(SENDER, [EGGS, HAM], MESSAGE)
    assert client.sock is None


def test_an_interruption_leaves_no_replies_to_the_next_message(
    server: ScriptedSmtp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted() -> Any:
        raise KeyboardInterrupt

    client = client_of(server)
    client.ehlo()
    monkeypatch.setattr(client, "getreply", interrupted)
    with pytest.raises(KeyboardInterrupt):
        client.sendmail(SENDER, EGGS, MESSAGE)
    assert client.sock is None
