"""What the creators refuse, at once and with the argument's name."""

import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.core.files.storage import InMemoryStorage
from django.utils import timezone

from django_notification_system import modules, notify
from django_notification_system.exceptions import (
    InvalidNotification,
    NotificationsNotCreated,
)
from django_notification_system.models import (
    Notification,
    TargetUserRecord,
)
from django_notification_system.notification_creators import email, expo, registry, twilio
from tests.support.creators_support import MOMENT, every_module


@pytest.fixture
def templates(settings: Any, tmp_path: Path) -> Path:
    """An empty folder of templates."""
    settings.TEMPLATES = [
        {"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [tmp_path]}
    ]
    return tmp_path


# What is refused


class Refused:
    """Asserts that a creator refuses, loud or quiet, and inserts nothing."""

    def __init__(self, user: Any) -> None:
        self.user = user

    def __call__(self, message: str, module: ModuleType = email, **arguments: Any) -> None:
        given = {"user": self.user, "title": "Hello", "body": "World", **arguments}
        for quiet in (False, True):
            with pytest.raises(InvalidNotification) as raised:
                module.create_notification(**given, quiet=quiet)
            assert message in str(raised.value)
            assert isinstance(raised.value, ValueError)
            assert isinstance(raised.value, NotificationsNotCreated)
        assert not Notification.objects.exists()


@pytest.fixture
def refused(user: Any, records: Any) -> Refused:
    return Refused(user)


@pytest.mark.parametrize("title", ["", "  ", "\t"])
def test_a_title_that_is_empty_is_refused(title: str, refused: Refused) -> None:
    refused("title is empty", title=title)


@pytest.mark.parametrize(
    "title",
    ["a\nb", "a\rb", "a\n", "\r\nBcc: x@example.com", "a\x0bb", "a\x0cb", "a\x85b", "a\u2028b"],
)
@every_module
def test_a_title_with_a_line_break_is_refused(
    target_name: str, module: ModuleType, title: str, refused: Refused
) -> None:
    refused("title has a line break", module, title=title)


def test_a_title_of_100_characters_is_stored_and_one_of_101_refused(
    refused: Refused, user: Any
) -> None:
    refused("title has 101 characters", title="ä" * 101)
    email.create_notification(user, "ä" * 100, "World")
    assert Notification.objects.get().title == "ä" * 100


@pytest.mark.parametrize("name", ["title", "body"])
def test_a_text_that_is_no_text_is_refused(name: str, refused: Refused) -> None:
    refused(f"{name} must be a str, not bytes", **{name: b"Hello"})
    refused(f"{name} must be a str, not NoneType", **{name: None})


@pytest.mark.parametrize("name", ["title", "body"])
def test_text_that_a_database_cannot_store_is_refused(name: str, refused: Refused) -> None:
    refused(f"{name} has a NUL character", **{name: "a\x00b"})
    refused(f"{name} is no valid Unicode text: character 1", **{name: "a\ud800b"})


def test_a_moment_without_a_time_zone_is_refused(refused: Refused) -> None:
    refused("make_aware", scheduled_delivery=datetime(2030, 1, 2, 3, 4))  # noqa: DTZ001


def test_a_moment_that_is_no_datetime_is_refused(refused: Refused) -> None:
    refused("must be a datetime, not date", scheduled_delivery=date(2030, 1, 2))
    refused("must be a datetime, not str", scheduled_delivery="2030-01-02 03:04")


def test_a_moment_beyond_the_calendar_is_refused(refused: Refused) -> None:
    west = timezone.get_fixed_timezone(timedelta(hours=-5))
    refused("out of range", scheduled_delivery=datetime.max.replace(tzinfo=west))


def test_without_time_zones_a_moment_becomes_local_time(settings: Any) -> None:
    """Tried without a database, which is made for one of the two ways or the other."""
    from django_notification_system.notification_creators.draft import make_draft

    settings.USE_TZ = False
    settings.TIME_ZONE = "Asia/Kathmandu"
    draft = make_draft(
        title="Hello",
        body="",
        extra=None,
        scheduled_delivery=datetime(2030, 1, 2, tzinfo=UTC),
        retry_time_interval=None,
        max_retries=3,
    )
    assert draft.scheduled_delivery == datetime(2030, 1, 2, 5, 45)  # noqa: DTZ001


@pytest.mark.parametrize("extra", [[], [1], "{}", 1, "", 0])
def test_extra_that_is_no_object_is_refused(extra: Any, refused: Refused) -> None:
    refused(f"extra must be a dict, or None, not {type(extra).__name__}", extra=extra)


def circular() -> dict[str, Any]:
    extra: dict[str, Any] = {}
    extra["self"] = extra
    return extra


def nested(levels: int) -> Any:
    return {"in": nested(levels - 1)} if levels > 1 else {}


@pytest.mark.parametrize(
    ("make_extra", "message"),
    [
        (lambda: {"when": MOMENT}, 'extra["when"] is a datetime, which JSON cannot'),
        (lambda: {"a": [{"b": Decimal(1)}]}, 'extra["a"][0]["b"] is a Decimal, which JSON cannot'),
        (lambda: {"id": uuid.uuid4()}, 'extra["id"] is a UUID'),
        (lambda: {"ids": {1, 2}}, 'extra["ids"] is a set'),
        (lambda: {"body": b""}, 'extra["body"] is a bytes'),
        (lambda: {("a", "b"): 1}, "extra has a key that is a tuple"),
        (lambda: {"price": float("nan")}, 'extra["price"] is nan'),
        (lambda: {"price": [float("-inf")]}, 'extra["price"][0] is -inf'),
        (lambda: {"text": "a\x00b"}, 'extra["text"] has a NUL character'),
        (lambda: {"te\x00xt": ""}, "A key of extra has a NUL character"),
        (lambda: {"text": ["\udc80"]}, 'extra["text"][0] is no valid Unicode'),
        (lambda: {"n": [10**4300]}, 'extra["n"][0] is an integer of more than 4,300 digits'),
        (lambda: {"n": -(10**4300)}, 'extra["n"] is an integer of more than 4,300 digits'),
        (lambda: {10**4300: 1}, "A key of extra is an integer of more than 4,300 digits"),
        (circular, "nested more than"),
        (lambda: nested(31), "nested more than"),
    ],
)
def test_extra_that_is_no_json_is_refused_where_it_is_not(
    make_extra: Callable[[], Any], message: str, refused: Refused
) -> None:
    refused(message, extra=make_extra())


def test_another_user_in_extra_is_refused(
    refused: Refused, django_user_model: Any, user: Any
) -> None:
    other = django_user_model.objects.create_user("bacon")
    refused('extra["user"] is a User, which JSON cannot hold', extra={"user": other})
    refused('extra["owner"] is a User, which JSON cannot hold', extra={"owner": user})
    refused('extra["a"]["user"] is a User', extra={"a": {"user": user}})


def test_the_user_themself_in_extra_is_left_out(user: Any, records: Any) -> None:
    extra = {"user": user, "date": "12-07-2020"}
    email.create_notification(user, "Hello", "World", extra=extra)
    assert Notification.objects.get().extra == {"date": "12-07-2020"}
    assert extra == {"user": user, "date": "12-07-2020"}


def test_extra_as_deep_as_every_database_can_hold_is_stored(user: Any, records: Any) -> None:
    email.create_notification(user, "Hello", "World", extra=nested(30))
    assert Notification.objects.get().extra == nested(30)


def test_the_longest_integers_of_extra_are_stored(user: Any, records: Any) -> None:
    extra = {"most": 10**4300 - 1, "least": 1 - 10**4300}
    email.create_notification(user, "Hello", "World", extra=extra)
    assert Notification.objects.get().extra == extra


def test_extra_is_stored_as_it_will_be_read(user: Any, records: Any) -> None:
    arguments = {"title": "Hello", "body": "World", "scheduled_delivery": MOMENT}
    email.create_notification(user, **arguments, extra={"a": (1, 2), 3: True, None: "x"})
    assert Notification.objects.get().extra == {"a": [1, 2], "3": True, "null": "x"}
    with pytest.raises(NotificationsNotCreated):
        email.create_notification(user, **arguments, extra={"null": "x", "3": True, "a": [1, 2]})


@pytest.mark.parametrize("name", ["retry_time_interval", "max_retries"])
def test_a_count_that_is_none_is_refused(name: str, refused: Refused) -> None:
    refused(f"{name} must be an int, not str", **{name: "3"})
    refused(f"{name} must be an int, not bool", **{name: True})
    refused(f"{name} must be an int, not float", **{name: 1.0})
    refused(f"{name} is -1; it must be between 0 and", **{name: -1})
    refused(f"{name} is 2147483648", **{name: 2**31})
    refused(f"{name} is out of range", **{name: 10**4300})


def test_counts_are_stored_up_to_their_limits(user: Any, records: Any) -> None:
    email.create_notification(
        user, "Hello", "World", retry_time_interval=2**31 - 1, max_retries=2**31 - 1
    )
    email.create_notification(user, "Hello", "World", retry_time_interval=0, max_retries=0)
    assert Notification.objects.count() == 2


def test_what_is_no_user_is_refused(user: Any, records: Any) -> None:
    with pytest.raises(InvalidNotification, match="user must be one user, not list"):
        email.create_notification([user], "Hello", "World")


# Email


@pytest.mark.parametrize("extra", [None, {}, {"cc": "a@example.com"}, {"template_name": None}])
@pytest.mark.parametrize("body", ["", " \n"])
def test_an_email_without_body_and_template_is_refused(
    body: str, extra: Any, refused: Refused
) -> None:
    refused('Pass body, or name a template in extra["template_name"]', body=body, extra=extra)


def test_a_text_message_needs_no_template(user: Any, records: Any) -> None:
    twilio.create_notification(user, "Hello", "")
    expo.create_notification(user, "Hello", "")
    assert Notification.objects.count() == 2


def test_a_template_is_not_rendered_when_the_email_is_created(
    user: Any, records: Any, templates: Path
) -> None:
    (templates / "egg.html").write_text("Hello {{ name }}")
    email.create_notification(user, "Hello", extra={"template_name": "egg.html", "name": "Eggs"})
    notification = Notification.objects.get()
    assert notification.body == ""
    assert notification.extra == {"template_name": "egg.html", "name": "Eggs"}


def test_a_template_that_does_not_exist_is_refused(refused: Refused, templates: Path) -> None:
    message = "names the template 'eggs.html', which does not exist"
    refused(message, body="", extra={"template_name": "eggs.html"})
    refused("'../../etc/passwd', which does not", extra={"template_name": "../../etc/passwd"})


def test_a_template_that_does_not_compile_is_refused(refused: Refused, templates: Path) -> None:
    (templates / "egg.html").write_text("{% if egg %}")
    extra = {"template_name": "egg.html"}
    refused("names the template 'egg.html', which does not compile: ", body="", extra=extra)
    refused("Unclosed tag on line 1: 'if'", body="", extra=extra)


def test_a_template_name_that_is_no_text_is_refused(refused: Refused) -> None:
    refused('extra["template_name"] must be a str', body="", extra={"template_name": ["a.html"]})


@pytest.mark.parametrize("key", ["cc", "bcc", "reply_to"])
def test_addresses_of_the_wrong_form_are_refused(key: str, refused: Refused) -> None:
    refused(f'extra["{key}"] must be an address or a list', extra={key: 1})
    refused(f'extra["{key}"] must be an address or a list', extra={key: {"a": "b"}})
    refused(f'extra["{key}"] must be an address or a list', extra={key: ["a@example.com", None]})
    refused(f'extra["{key}"] has an address with a line break', extra={key: "a@example.com\nB: c"})
    refused(f'extra["{key}"] has an empty address', extra={key: ["a@example.com", " "]})


@pytest.mark.parametrize("headers", [[], "X: y", {"X-Tries": 1}, {"X-Tags": ["a"]}])
def test_headers_of_the_wrong_form_are_refused(headers: Any, refused: Refused) -> None:
    refused('extra["headers"] must be a dict of text', extra={"headers": headers})


@pytest.mark.parametrize("name", ["", "X Y", "X:", "X\nBcc", "Ümlaut"])
def test_a_header_with_an_impossible_name_is_refused(name: str, refused: Refused) -> None:
    refused("no name of a header", extra={"headers": {name: "y"}})


def test_a_header_with_a_line_break_is_refused(refused: Refused) -> None:
    message = 'extra["headers"]["X-Y"] has a line break'
    refused(message, extra={"headers": {"X-Y": "z\r\nBcc: a@example.com"}})


def test_a_header_that_the_notification_has_otherwise_is_refused(refused: Refused) -> None:
    refused("must not set BCC: use extra['bcc']", extra={"headers": {"BCC": "a@example.com"}})


def test_an_unknown_content_subtype_is_refused(refused: Refused) -> None:
    message = 'extra["content_subtype"] must be "html" or "plain"'
    refused(message, extra={"content_subtype": "text/html"})


@pytest.mark.parametrize("paths", ["report.pdf", {"a": "b"}, [1], [""]])
def test_attachments_of_the_wrong_form_are_refused(paths: Any, refused: Refused) -> None:
    refused('extra["attachments"] must be a list of paths', extra={"attachments": paths})


def test_an_attachment_that_could_not_be_sent_is_refused(
    refused: Refused, settings: Any, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = ""
    refused("Set MEDIA_ROOT to a folder of its own", extra={"attachments": ["report.pdf"]})
    settings.MEDIA_ROOT = tmp_path
    (tmp_path / "folder").mkdir()
    for path in ("report.pdf", "folder"):
        refused(
            f"the attachment '{path}' is not in the default storage", extra={"attachments": [path]}
        )
    refused("is no path in the default storage", extra={"attachments": ["../settings.py"]})


class AwayStorage(InMemoryStorage):
    """Cannot be reached."""

    def _open(self, name: str, mode: str = "rb") -> Any:
        raise ConnectionError("No route to the bucket")


def test_a_storage_that_is_away_for_now_keeps_no_email_from_being_created(
    user: Any, records: Any, settings: Any
) -> None:
    backend = {"BACKEND": f"{__name__}.AwayStorage"}
    settings.STORAGES = {**settings.STORAGES, "default": backend}
    email.create_notification(user, "Hello", "World", extra={"attachments": ["report.pdf"]})
    assert Notification.objects.count() == 1


def test_a_full_email_is_stored(user: Any, records: Any, settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports/2030.pdf").write_text("x")
    extra = {
        "cc": "a@example.com",
        "bcc": ["b@example.com", "c@example.com"],
        "reply_to": ["Eggs <eggs@example.com>"],
        "headers": {"X-Campaign": "spring", "X-Empty": ""},
        "attachments": ["reports/2030.pdf"],
    }
    email.create_notification(user, "Hello", "World", extra=extra)
    assert Notification.objects.get().extra == extra


def test_what_only_email_understands_is_free_elsewhere(user: Any, records: Any) -> None:
    extra = {"headers": 1, "template_name": "none.html", "cc": None}
    expo.create_notification(user, "Hello", "World", extra=extra)
    assert Notification.objects.get().extra == extra


def test_a_target_of_the_apps_own_needs_no_creator(
    loft: TargetUserRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (modules, registry):
        monkeypatch.setattr(module, "built_in_names", lambda: frozenset({"loft"}))
    assert registry.find_creator(loft.target) is None
    assert notify(loft.user, "Harvest", "The wheat is in.", target="Loft") == 1
