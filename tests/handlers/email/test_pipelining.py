"""PIPELINING over Django's own backend: without asking, and off where a setting says so."""

import smtplib
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.mail.backends import smtp

from django_notification_system.models import TargetUserRecord
from tests.conftest import MakeDue
from tests.support.email_support import configure, run
from tests.support.mail_backends import HAS_MAILERS, SMTP, use_backend, use_email_settings
from tests.support.runs import states
from tests.support.scripted_smtp import EXTENSIONS, ScriptedSmtp

OWN_BACKEND = f"{__name__}.OwnBackend"
OWN_CLIENT = f"{__name__}.BackendWithOwnClient"


class OwnBackend(smtp.EmailBackend):
    """A project's own backend, built on Django's."""


class OwnClient(smtplib.SMTP):
    """A client with a way of its own to send."""


class BackendWithOwnClient(smtp.EmailBackend):
    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return OwnClient


@pytest.fixture
def server() -> Iterator[ScriptedSmtp]:
    with ScriptedSmtp() as scripted:
        yield scripted


def send_three(make_due: MakeDue, email: TargetUserRecord, settings: Any, **options: Any) -> None:
    # The server talks with one client at a time: a second would wait for its greeting.
    configure(settings, connections=1, **options)
    for number in range(3):
        make_due(email, title=f"Number {number}")
    assert run().problems == {}
    assert states(email) == {("DELIVERED", 0, None)}


def round_trips(server: ScriptedSmtp) -> float:
    assert len(server.messages) == 3
    return len(server.reads) / 3


def test_a_mail_takes_two_round_trips(
    server: ScriptedSmtp, email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    use_backend(settings, SMTP, host=server.host, port=server.port, timeout=20)
    send_three(make_due, email, settings)
    assert round_trips(server) == 2


@pytest.mark.skipif(HAS_MAILERS, reason="Django 6.1 has MAILERS, as above")
def test_the_settings_of_django_before_mailers_do_the_same(
    server: ScriptedSmtp, email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    use_email_settings(settings, SMTP, host=server.host, port=server.port, timeout=20)
    send_three(make_due, email, settings)
    assert round_trips(server) == 2


def test_a_setting_turns_it_off(
    server: ScriptedSmtp, email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    use_backend(settings, SMTP, host=server.host, port=server.port, timeout=20)
    send_three(make_due, email, settings, pipelining=False)
    assert round_trips(server) == 4


def test_a_server_that_does_not_offer_it_gets_one_command_at_a_time(
    email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    without = tuple(name for name in EXTENSIONS if name != "PIPELINING")
    with ScriptedSmtp(without) as server:
        use_backend(settings, SMTP, host=server.host, port=server.port, timeout=20)
        send_three(make_due, email, settings)
    assert round_trips(server) == 4


@pytest.mark.parametrize("backend", [OWN_BACKEND, OWN_CLIENT])
def test_a_backend_built_on_djangos_speaks_as_its_author_wrote(
    backend: str, server: ScriptedSmtp, email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    use_backend(settings, backend, host=server.host, port=server.port, timeout=20)
    send_three(make_due, email, settings)
    assert round_trips(server) == 4


def test_the_backend_of_contrib_needs_no_setting(
    server: ScriptedSmtp, email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    ours = "django_notification_system.contrib.smtp.EmailBackend"
    use_backend(settings, ours, host=server.host, port=server.port, timeout=20)
    send_three(make_due, email, settings, pipelining=False)
    assert round_trips(server) == 2


def test_anything_but_a_yes_or_no_stops_the_target(
    mail_server: Any, email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    configure(settings, pipelining="no")
    make_due(email)
    assert "pipelining" in run().problems["Email"]
    assert states(email) == {("SCHEDULED", 0, None)}
