"""Rows of the table of email's faults, on a real socket: logging in, TLS and IPv6."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from django_notification_system.models import TargetUserRecord
from django_notification_system.testing.smtp import SmtpStandIn
from tests.conftest import MakeDue
from tests.support.certificates import server_context
from tests.support.email_faults import Prove, at_most_once, prove, proves, use_server
from tests.support.email_support import SENT, after_run
from tests.support.scripted_smtp import ScriptedSmtp

__all__ = ["at_most_once", "prove"]  # fixtures


@proves("login refused", "credentials refused", "refused at once")
@pytest.mark.parametrize(
    ("name", "reply"),
    [
        ("credentials refused", "535 5.7.8 Wrong password"),
        ("login refused", "550 5.7.1 Locked"),
        ("refused at once", "454 4.7.0 Temporary authentication failure"),
    ],
)
def test_a_server_that_does_not_log_the_project_in_has_its_row(
    name: str, reply: str, mail_server: SmtpStandIn, settings: Any, prove: Prove
) -> None:
    mail_server.answer("AUTH", reply)
    use_server(settings, mail_server, username="shop", password="planted-password")
    prove(name)


@proves("no TLS or login offered")
@pytest.mark.parametrize(
    ("extensions", "options"),
    [
        ((), {"use_tls": True}),
        ((), {"username": "shop", "password": "planted-password"}),
        (("AUTH GSSAPI",), {"username": "shop", "password": "planted-password"}),
    ],
)
def test_a_server_that_offers_too_little_stops_the_target(
    extensions: tuple[str, ...], options: dict[str, Any], settings: Any, prove: Prove
) -> None:
    with ScriptedSmtp(extensions) as server:
        use_server(settings, server, **options)
        prove("no TLS or login offered")


@pytest.fixture(params=["use_tls", "use_ssl"])
def tls(
    request: pytest.FixtureRequest, tmp_path: Path, settings: Any
) -> Iterator[tuple[ScriptedSmtp, str]]:
    """A server with TLS, to which the settings point, and its certificate."""
    context, certificate = server_context(tmp_path)
    extensions = ("STARTTLS",) if request.param == "use_tls" else ()
    with ScriptedSmtp(extensions, context) as server:
        options = {"host": "localhost", "timeout": 20, request.param: True}
        use_server(settings, server, **options)
        yield server, certificate


def test_a_certificate_that_is_trusted_lets_mail_through(
    tls: tuple[ScriptedSmtp, str],
    email: TargetUserRecord,
    make_due: MakeDue,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, certificate = tls
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    assert after_run(make_due(email)).response == SENT
    assert len(server.messages) == 1


@proves("certificate not trusted")
def test_a_certificate_that_is_not_trusted_stops_the_target(
    tls: tuple[ScriptedSmtp, str], prove: Prove
) -> None:
    prove("certificate not trusted")
    assert not tls[0].messages


@pytest.mark.parametrize("option", ["use_tls", "use_ssl"])
def test_another_hosts_certificate_stops_the_target(
    option: str, tmp_path: Path, settings: Any, prove: Prove, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, certificate = server_context(tmp_path, host="mail.example.com")
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    extensions = ("STARTTLS",) if option == "use_tls" else ()
    with ScriptedSmtp(extensions, context) as server:
        use_server(settings, server, **{"host": "localhost", "timeout": 20, option: True})
        prove("certificate not trusted")
        assert not server.messages


@pytest.mark.parametrize("reply", ["454 4.7.0 TLS not available", "501 5.5.4 No"])
def test_a_server_that_cannot_start_tls_now_is_out_of_reach(
    reply: str, settings: Any, prove: Prove
) -> None:
    with ScriptedSmtp(("STARTTLS",)) as server:
        server.script["STARTTLS"] = [reply]
        use_server(settings, server, use_tls=True)
        prove("refused at once")


def test_a_server_that_speaks_no_tls_where_it_is_wanted_is_out_of_reach(
    mail_server: SmtpStandIn, settings: Any, prove: Prove
) -> None:
    use_server(settings, mail_server, use_ssl=True)
    prove("no connection")


@pytest.mark.parametrize("option", ["use_tls", "use_ssl"])
def test_a_slow_server_with_tls_is_not_waited_for_longer(
    option: str, tmp_path: Path, settings: Any, prove: Prove, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, certificate = server_context(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    extensions = ("STARTTLS",) if option == "use_tls" else ()
    with ScriptedSmtp(extensions, context, octets_per_write=7) as server:
        server.script["MESSAGE"] = ["250-slowly\r\n" * 20_000 + "250 Taken"]
        use_server(settings, server, **{"host": "localhost", "timeout": 3, option: True})
        started = time.monotonic()
        prove("lost after handing over")
        assert time.monotonic() - started < 15  # the whole reply takes at least 18


def test_ipv6_is_spoken(email: TargetUserRecord, make_due: MakeDue, settings: Any) -> None:
    stand_in = SmtpStandIn()
    stand_in.host = "::1"
    with stand_in as server:
        use_server(settings, server)
        assert after_run(make_due(email)).response == SENT
        assert len(server.received) == 1
