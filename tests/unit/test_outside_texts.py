"""Texts from outside, however long or odd, cost no time and give nothing away."""

import importlib
import pkgutil
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import django_notification_system
from django_notification_system.delivery.runs.run import Run
from django_notification_system.exceptions import TargetUnavailable
from django_notification_system.models import NotificationTarget, TargetUserRecord
from django_notification_system.notification_handlers.redaction import redacted
from django_notification_system.operations.queue.causes import cause
from django_notification_system.outcome import LONGEST_TEXT, one_line, shortened
from django_notification_system.testing.providers import ProviderStandIn
from tests.conftest import MakeDue
from tests.support.email_support import configure
from tests.support.handlers import freely
from tests.support.mail_backends import use_backend
from tests.support.provider_support import refused
from tests.support.raw_server import RawServer, at, say
from tests.support.runs import make_many
from tests.support.twilio_support import refusal

#: Long enough for a pattern of quadratic time to take many seconds.
LONG = 20_000
PARTS = [
    *"a1.-_@<>[](){}\"':;,=/#+!?* \t\n\x00\u00a0é",
    *("a.", "a@", "@.", "a-", "1-", "1.", "1a", "a ", "1 ", "- ", "<a", "a<", "</a", "<!--", "a='"),
    *(
        "ExpoPushToken[",
        "PushToken[a",
        "(#5.1.1",
        "5.1.1",
        "550 ",
        "0f0f0f0f-",
        "&amp;",
        "=?",
        ";a:",
    ),
]


def patterns() -> Iterator[tuple[str, re.Pattern[Any], bool]]:
    """Every pattern that is a module's own, its name, and whether the package searches with it."""
    root = django_notification_system
    called: dict[str, set[str]] = defaultdict(set)
    for file in Path(root.__path__[0]).rglob("*.py"):
        for name, method in re.findall(r"\b(\w+)\.(\w+)\(", file.read_text()):
            called[name].add(method)
    for module in pkgutil.walk_packages(root.__path__, f"{root.__name__}."):
        if ".migrations" in module.name or module.name.endswith("__main__"):
            continue
        try:
            values = vars(importlib.import_module(module.name))
        except ImportError:
            continue  # the client of an integration is not installed
        for name, value in values.items():
            for each in value if isinstance(value, tuple) else [value]:
                pattern = each[0] if isinstance(each, tuple) and each else each
                if isinstance(pattern, re.Pattern):
                    uses = called[name] - {"fullmatch", "match"}
                    searches = bool(uses) or isinstance(value, tuple)
                    yield f"{module.name}.{name}", pattern, searches


def test_no_pattern_takes_longer_than_its_text_is_long() -> None:
    seen: set[re.Pattern[Any]] = set()
    slow: list[tuple[str, str]] = []
    for name, pattern, searches in patterns():
        if pattern in seen:
            continue
        seen.add(pattern)
        for part in PARTS:
            long: Any = part * (LONG // 2 // len(part)) + "!"
            text = long.encode() if isinstance(pattern.pattern, bytes) else long
            started = time.process_time()
            pattern.fullmatch(text)
            if searches:
                pattern.sub(lambda found: found[0], text)
            if time.process_time() - started > 0.2:
                slow.append((name, part))
                break
    assert slow == []
    assert len(seen) > 20


@pytest.mark.parametrize("part", PARTS)
def test_to_find_a_cause_takes_no_time(part: str) -> None:
    started = time.process_time()
    cause(part * (1_000_000 // len(part)))
    redacted(part * (1_000_000 // len(part)), ["secret"], bodies=[part * 100_000])
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    ("response", "same"),
    [
        ("550 5.1.1 <a.b@example.com> is unknown.", "550 5.1.1 <…> is unknown."),
        ("No a@b@c.example here", "No …@c.example here"),
        ("see --a1b2c3d4e5--, x", "see --…--, x"),
        ("id-a1b2c3d4 failed", "… failed"),
        ("ExponentPushToken[abc] is ExpoPushToken[def]", "… is …"),
    ],
)
def test_what_differs_between_messages_is_taken_out(response: str, same: str) -> None:
    assert (
        cause(response).replace("ExponentPushToken[…]", "…").replace("ExpoPushToken[…]", "…")
        == same
    )


def test_a_text_is_cut_after_a_word() -> None:
    assert shortened("a  b\nc") == "a b c"
    cut = shortened("word " * LONG)
    assert cut.endswith("word …")
    assert len(cut) <= LONGEST_TEXT + 2
    assert shortened("x" * LONG) == "…"
    assert len(shortened(" " * LONG + "x")) <= LONGEST_TEXT


def test_a_secret_that_the_cut_runs_through_is_not_half_shown() -> None:
    secret = "planted-secret-" * 10
    for before in range(LONGEST_TEXT - len(secret) - 5, LONGEST_TEXT + 5):
        said = redacted("y " * (before // 2) + secret + " more" * LONG, [secret])
        assert "planted" not in said


def test_a_code_behind_a_colon_is_hidden() -> None:
    body = "Your code is 482913, see https://shop.example/?t=abc123."
    said = redacted("Blocked: code:482913 <https://shop.example/?t=abc123>", bodies=[body])
    assert said == "Blocked: code:*** <***>"


@pytest.fixture
def unavailable(user: Any, settings: Any) -> Iterator[Callable[[str], TargetUserRecord]]:
    """A function that makes a record in a target whose handler gives up with a text."""
    settings.NOTIFICATION_SYSTEM_HANDLERS = ["tests.support.handlers"]

    def make(text: str) -> TargetUserRecord:
        def behave(notifications: Any) -> Any:
            next(iter(notifications))
            raise TargetUnavailable(text)

        freely.behave = behave
        target = NotificationTarget.objects.create(name="Freely", notification_module_name="freely")
        return TargetUserRecord.objects.create(user=user, target=target, target_user_id="here")

    yield make
    freely.behave = freely.one_after_another


@pytest.mark.django_db
@pytest.mark.parametrize("part", ["a", "a-", "1.", "a@", "a1 "])
def test_a_target_that_gives_up_with_a_long_text_costs_no_time(
    unavailable: Callable[[str], TargetUserRecord], process: Callable[..., str], part: str
) -> None:
    make_many(unavailable(part * (LONG // len(part))), 20)
    started = time.process_time()
    assert len(process()) < 60 * LONGEST_TEXT
    assert time.process_time() - started < 3


@pytest.mark.django_db
def test_a_providers_text_is_cut_and_its_beginning_stored(
    email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    configure(settings, connections=1)
    line = "550-" + "word " * 180 + "\r\n"
    with RawServer(at("RCPT", say(line * 20 + "550 the end\r\n"))) as server:
        use_backend(settings, host=server.host, port=server.port, timeout=1)
        notification = make_due(email)
        list(Run())
    notification.refresh_from_db()
    assert 400 < len(notification.response) <= 500
    assert 1900 < len(one_line(RuntimeError("word " * LONG))) <= 2000 + 100
    assert "word word" in notification.response
    assert "the end" not in notification.response


@pytest.mark.django_db
def test_a_long_refusal_of_a_mail_server_costs_no_time(
    email: TargetUserRecord, make_due: MakeDue, settings: Any
) -> None:
    configure(settings, connections=1)
    line = "550-" + "a-" * 2000 + "\r\n"
    with RawServer(at("RCPT", say(line * 20 + "550 no\r\n"))) as server:
        use_backend(settings, host=server.host, port=server.port, timeout=1)
        notification = make_due(email, body="a-a-a-a-a-a-a-a-a-a-1/\n" * 20_000)
        started = time.process_time()
        list(Run())
        assert time.process_time() - started < 3
    notification.refresh_from_db()
    assert notification.response.startswith("Email could not be sent")


@pytest.mark.django_db
def test_a_long_refusal_of_an_api_costs_no_time(
    providers: ProviderStandIn, records: dict[str, TargetUserRecord], process: Callable[..., str]
) -> None:
    providers.on_request = refused(refusal(400, 21211, "a-" * LONG))
    make_many(records["Twilio"], 20)
    started = time.process_time()
    process()
    assert time.process_time() - started < 3
