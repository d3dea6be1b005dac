"""Fixtures for many tests."""

import gc
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, cast

import pytest
from django.core.management import call_command
from django.utils import timezone

from django_notification_system import on_site
from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.testing import Outbox, use_outbox
from django_notification_system.testing.providers import ProviderStandIn
from django_notification_system.testing.smtp import SmtpStandIn
from tests import order, servers
from tests.reports import (  # noqa: F401 # hooks, which pytest finds by their names
    pytest_runtest_makereport,
    pytest_sessionfinish,
    pytest_terminal_summary,
)
from tests.selection import (  # noqa: F401 # and three more
    pytest_collection_modifyitems,
    pytest_ignore_collect,
    pytest_runtest_protocol,
)
from tests.support import ports
from tests.support.browsers import running_browser
from tests.support.handlers import loft as loft_handler
from tests.support.mail_backends import use_backend
from tests.support.openapi import violations_of_requests

ADDRESSES = {
    "Email": "eggs@example.com",
    "Twilio": "+15005550006",
    "Expo": "ExponentPushToken[eggs-benedict]",
}


def pytest_make_parametrize_id(val: Any) -> str | None:
    """Name a set in one order: each process of a run must find the same tests."""
    return "-".join(sorted(map(str, val))) if isinstance(val, set | frozenset) else None


def pytest_configure(config: pytest.Config) -> None:
    """Let an interrupt end the tests' processes, even where a shell runs them in the background."""
    config.pluginmanager.register(order)
    config.pluginmanager.register(servers, servers.__name__)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def user(db: None, django_user_model: Any) -> Any:
    """Eggs Benedict, with no records."""
    return django_user_model.objects.create_user(
        username="egg", email="eggs@example.com", first_name="Eggs", last_name="Benedict"
    )


@pytest.fixture
def records(user: Any) -> dict[str, TargetUserRecord]:
    """Eggs Benedict's records, by the name of the built-in target."""
    return {
        target.name: TargetUserRecord.objects.create(
            user=user,
            target=target,
            target_user_id=ADDRESSES[target.name],
            description=f"{user.first_name}'s {target.name}",
        )
        for target in NotificationTarget.objects.filter(name__in=ADDRESSES)
    }


@pytest.fixture
def email(records: dict[str, TargetUserRecord]) -> TargetUserRecord:
    """Eggs Benedict's email address."""
    return records["Email"]


class MakeDue(Protocol):
    """Makes a notification that is due."""

    def __call__(self, record: TargetUserRecord, **fields: Any) -> Notification: ...


@pytest.fixture
def make_due() -> MakeDue:
    """A function that makes a notification for a record, by default due since a minute."""

    def make(record: TargetUserRecord, **fields: Any) -> Notification:
        values = {
            "title": "Test notification",
            "body": "lorem ipsum...",
            "status": Notification.SCHEDULED,
            "scheduled_delivery": timezone.now() - timedelta(minutes=1),
            "retry_time_interval": 60,
        }
        return Notification.objects.create(target_user_record=record, **{**values, **fields})

    return make


@pytest.fixture
def loft(user: Any, settings: Any) -> Iterator[TargetUserRecord]:
    """Eggs Benedict's record in a target of the project's own; see ``support/handlers/loft.py``."""
    settings.NOTIFICATION_SYSTEM_HANDLERS = ["tests.support.handlers"]
    loft_handler.flown.clear()  # a test with a Loft of its own may have left some
    target = NotificationTarget.objects.create(name="Loft", notification_module_name="loft")
    yield TargetUserRecord.objects.create(
        user=user, target=target, target_user_id="north tower", description="Eggs's loft"
    )
    loft_handler.flown.clear()
    loft_handler.watchers.clear()


@pytest.fixture
def providers(settings: Any, request: pytest.FixtureRequest) -> Iterator[ProviderStandIn]:
    """A stand-in for Twilio and Expo, with the settings pointing to it.

    A request that the provider would not understand fails the test, unless the test has the mark
    ``odd_requests``.
    """
    with ProviderStandIn() as stand_in:
        settings.NOTIFICATION_SYSTEM_TARGETS = {
            "twilio_sms": {
                "base_url": stand_in.url,
                "account_sid": "AC0123456789",
                "auth_token": "planted-auth-token",
                "sender": "+15005550006",
                "timeout": 20,
            },
            "expo": {"base_url": stand_in.url, "timeout": 20},
        }
        yield stand_in
    if request.node.get_closest_marker("odd_requests") is None:
        assert violations_of_requests(stand_in.requests) == []


@pytest.fixture
def mail_server(settings: Any) -> Iterator[SmtpStandIn]:
    """A mail server, with the settings pointing to it."""
    with SmtpStandIn() as stand_in:
        use_backend(settings, host=stand_in.host, port=stand_in.port, timeout=20)
        yield stand_in


@pytest.fixture
def refusing_port() -> Iterator[int]:
    """A port of 127.0.0.1 that refuses connections."""
    with ports.refusing_port() as port:
        yield port


@pytest.fixture
def without_collection() -> Iterator[None]:
    """No collection of garbage, for a test that uses up the stack.

    A collection on the stack's last free level would call the ends of other tests' objects there:
    they raise ``RecursionError``, and pytest blames the test.
    """
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def without_inbox(monkeypatch: pytest.MonkeyPatch) -> None:
    """A project without the inbox's app: the core knows of no inbox."""
    monkeypatch.setattr(on_site, "_inbox", None)


@pytest.fixture
def outbox() -> Iterator[Outbox]:
    """An outbox in memory, in place of the providers."""
    with use_outbox() as outbox:
        yield outbox


@pytest.fixture
def process(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """A function that runs ``process_notifications`` and returns the output."""

    def run(*arguments: str) -> str:
        call_command("process_notifications", *arguments)
        printed = capsys.readouterr()
        return printed.out + printed.err

    return run


@pytest.fixture(scope="session")
def downloads(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """A function that returns a folder of pytest's cache for programs fetched once.

    Without the cache, as with ``-p no:cacheprovider``, the folder lasts as long as the run.
    """
    cache = getattr(request.config, "cache", None)

    def folder(name: str) -> Path:
        if cache is not None:
            return cast(Path, cache.mkdir(name))
        path = tmp_path_factory.getbasetemp() / name
        path.mkdir(exist_ok=True)
        return path

    return folder


@pytest.fixture(scope="module")
def browser(downloads: Callable[[str], Path]) -> Iterator[Any]:
    """Chromium, driven from a thread that ends with the module's tests."""
    with running_browser(downloads("browsers")) as browser:
        yield browser
