"""A target of the project's own that describes itself has all that a built-in one has."""

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth import SESSION_KEY, get_user_model
from django.core.checks import CheckMessage
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone

from django_notification_system import export_person_data, notify
from django_notification_system.categories import Category, known_categories
from django_notification_system.checks import check_settings
from django_notification_system.delivery.handlers.find import find_handler
from django_notification_system.delivery.receipts.fetch import fetch_receipts
from django_notification_system.exceptions import InvalidNotification, TargetUnavailable
from django_notification_system.models import Notification, NotificationTarget, TargetUserRecord
from django_notification_system.modules import built_in_names
from django_notification_system.preferences import suppress
from django_notification_system.targets import built_in_keys
from django_notification_system.types import NotificationType, known_types
from tests.conftest import MakeDue
from tests.support.admin_site import address, errors_of, new_notification, staff_client
from tests.support.handlers import courier as courier_handler

RIGHT = {"api_key": "planted-key", "towers": 3, "base_url": "https://u:planted-word@loft.example"}


class Harvest(NotificationType):
    key = "tests.Harvest"
    templates = "shop/order_shipped"

    @classmethod
    def previews(cls) -> Iterator[tuple[str, "Harvest"]]:
        yield "rye", cls()


@pytest.fixture
def pigeon(user: Any, settings: Any) -> Iterator[TargetUserRecord]:
    """Eggs Benedict's record in a target whose handler describes it."""
    settings.NOTIFICATION_SYSTEM_HANDLERS = ["tests.support.handlers"]
    settings.NOTIFICATION_SYSTEM_TARGETS = {"courier": RIGHT}
    target = NotificationTarget.objects.create(name="Pigeon", notification_module_name="courier")
    yield TargetUserRecord.objects.create(
        user=user, target=target, target_user_id="north tower", description="Loft"
    )
    courier_handler.flown.clear()


def found(settings: Any, **changes: Any) -> list[CheckMessage]:
    settings.NOTIFICATION_SYSTEM_HANDLERS = ["tests.support.handlers"]
    settings.NOTIFICATION_SYSTEM_TARGETS = {"courier": {**RIGHT, **changes}}
    return check_settings()


# --- Settings -------------------------------------------------------------------------------


def test_right_settings_are_in_order(settings: Any) -> None:
    assert found(settings, rate="10/s", timeout=1) == []


def test_a_misspelt_setting_is_noticed(settings: Any) -> None:
    [message] = found(settings, twoers=3)
    assert message.id == "django_notification_system.W001"
    assert message.msg == (
        "NOTIFICATION_SYSTEM_TARGETS['courier'] has no option 'twoers'; it is ignored."
    )
    assert message.hint is not None
    assert message.hint.startswith("Did you mean 'towers'? The options are: api_key, base_url,")


def test_a_wrong_setting_is_an_error_by_its_rule(settings: Any) -> None:
    [message] = found(settings, towers="many")
    assert message.id == "django_notification_system.E003"
    assert message.msg == (
        "NOTIFICATION_SYSTEM_TARGETS['courier']['towers'] must be a whole number above 0, at most"
        " 1000000."
    )


def test_a_wrong_setting_stops_the_target_and_costs_no_attempt(
    pigeon: TargetUserRecord, settings: Any, make_due: MakeDue, process: Callable[..., str]
) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"courier": {"towers": 0}}
    notification = make_due(pigeon)
    said = "towers in the target's settings must be a whole number above 0, at most 1000000. See"
    assert said in process()
    notification.refresh_from_db()
    assert (notification.status, notification.retry_attempts) == ("SCHEDULED", 0)


def test_settings_reach_the_handler(
    pigeon: TargetUserRecord, make_due: MakeDue, process: Callable[..., str]
) -> None:
    make_due(pigeon, extra={})
    assert "Cooed." in process()
    assert courier_handler.flown == [(3, "north tower", {})]


def test_a_timeout_of_a_targets_own_is_compared_with_the_lease(settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {"LEASE_SECONDS": 60}
    [message] = found(settings, timeout=90)
    assert message.id == "django_notification_system.W003"
    assert "a send may take 90 seconds" in message.msg


# --- Checks ---------------------------------------------------------------------------------


def test_a_targets_own_check_is_asked(settings: Any) -> None:
    [message] = found(settings, api_key="")
    assert (message.id, message.msg) == ("tests.W001", "The loft has no key.")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import no_such_module", "Target 'broken' cannot be checked: "),
        ("Settings = dict", "must be a dataclass that inherits TargetSettings."),
        ("def check():\n    raise RuntimeError('planted-key')", "raised RuntimeError."),
        ("def check(notification): ...", "raised TypeError."),
    ],
)
def test_a_fault_in_a_handler_is_a_warning_and_no_more(
    source: str, said: str, settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "broken.py").write_text(source)
    settings.NOTIFICATION_SYSTEM_HANDLERS = [tmp_path]
    settings.NOTIFICATION_SYSTEM_TARGETS = {"broken": {}}
    [message] = check_settings()
    assert message.id == "django_notification_system.W006"
    assert said in message.msg
    assert "planted-key" not in f"{message.msg} {message.hint}"


def test_a_handler_that_no_settings_name_is_not_imported(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "bystander.py").write_text("raise RuntimeError('imported')")
    settings.NOTIFICATION_SYSTEM_HANDLERS = [tmp_path]
    assert check_settings() == []


def test_an_address_for_trials_is_checked(settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {"OVERRIDE_RECIPIENTS": {"courier": "south gate"}}
    [message] = found(settings)
    assert message.id == "django_notification_system.E009"
    assert message.msg.endswith("['OVERRIDE_RECIPIENTS']['courier'] is no tower: south gate")


def test_what_names_people_is_left_out_on_a_site_for_trials(
    pigeon: TargetUserRecord, settings: Any, make_due: MakeDue, process: Callable[..., str]
) -> None:
    settings.NOTIFICATION_SYSTEM = {"OVERRIDE_RECIPIENTS": {"courier": "south tower"}}
    make_due(pigeon, extra={"seed": "rye", "escort": "falcon@example.com"})
    process()
    assert courier_handler.flown == [
        (3, "south tower", {"seed": "rye", "was_for": "north tower"})
    ]  # fmt: skip


# --- Destination and preview ----------------------------------------------------------------


def test_the_destination_is_shown_without_its_password(pigeon: TargetUserRecord) -> None:
    out, err = io.StringIO(), io.StringIO()
    call_command(
        "send_test_notification",
        "--target",
        "Pigeon",
        "--to",
        "south tower",
        stdout=out,
        stderr=err,
    )
    assert "Goes to: https://***@loft.example\n" in err.getvalue()
    page = staff_client("view_notificationtarget").get(
        address(NotificationTarget, "change", pigeon.target.pk)
    )
    assert "https://***@loft.example" in page.content.decode()
    assert "planted-word" not in err.getvalue() + page.content.decode()


@pytest.mark.parametrize("permission", ["view", "change"])
def test_the_admin_shows_the_handlers_preview(
    permission: str, pigeon: TargetUserRecord, make_due: MakeDue
) -> None:
    page = preview_page(permission, make_due(pigeon, title="Harvest", body="<b>rye"))
    who = "editor" if permission == "change" else "viewer"
    assert f"&lt;B&gt;RYE ({who})" in page
    assert 'class="phone push"' in page


def test_a_preview_that_fails_is_said_and_the_text_is_shown(
    pigeon: TargetUserRecord, make_due: MakeDue
) -> None:
    page = preview_page("view", make_due(pigeon, title="hawk", body="The wheat is in."))
    assert "preview() in tests.support.handlers.courier failed: RuntimeError: the hawk" in page
    assert "The wheat is in." in page


def preview_page(permission: str, notification: Notification) -> str:
    url = reverse("admin:django_notification_system_notification_preview", args=[notification.pk])
    response = staff_client(f"{permission}_notification").get(url)
    assert response.status_code == 200
    content: str = response.content.decode()
    return content


# --- Validation -----------------------------------------------------------------------------

LONG = "The wheat is in, and so is the rye."


def test_notify_refuses_what_the_handler_refuses(user: Any, pigeon: TargetUserRecord) -> None:
    with pytest.raises(InvalidNotification, match="at most 20 characters") as raised:
        notify(user, "Harvest", LONG, target="Pigeon")
    assert raised.value.argument == "body"
    assert Notification.objects.count() == 0
    assert notify(user, "Harvest", "The wheat is in.", target="Pigeon") == 1


def test_the_admin_refuses_what_the_handler_refuses(pigeon: TargetUserRecord) -> None:
    client = staff_client("add_notification", "view_targetuserrecord")
    url = address(Notification, "add")
    response = client.post(url, new_notification(pigeon, body=LONG))
    assert errors_of(response)["body"] == [
        "A pigeon carries at most 20 characters. Shorten body."
    ]  # fmt: skip
    assert Notification.objects.count() == 0


def test_notify_does_not_mind_a_handler_that_does_not_import(
    user: Any, pigeon: TargetUserRecord, settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "courier.py").write_text("import no_such_module")
    settings.NOTIFICATION_SYSTEM_HANDLERS = [tmp_path]
    assert notify(user, "Harvest", LONG, target="Pigeon") == 1


# --- Interval and receipts ------------------------------------------------------------------


def test_the_handlers_interval_counts_where_notify_is_given_none(
    user: Any, pigeon: TargetUserRecord, process: Callable[..., str]
) -> None:
    notify(user, "hawk", "1", target="Pigeon")
    notify(user, "hawk", "2", target="Pigeon", retry_time_interval=5)
    process()
    moments = {each.body: each for each in Notification.objects.all()}
    for body, minutes in (("1", 45), ("2", 5)):
        notification = moments[body]
        assert not notification.follows_retry_policy
        assert notification.retry_time_interval == minutes
        assert notification.attempted_delivery is not None
        wait = notification.scheduled_delivery - notification.attempted_delivery
        assert abs(wait - timedelta(minutes=minutes)) < timedelta(seconds=10)


def test_other_targets_follow_the_projects_policy(
    user: Any, pigeon: TargetUserRecord, email: TargetUserRecord
) -> None:
    assert notify(user, "Harvest", "The wheat is in.", target=["Pigeon", "Email"]) == 2
    follows = dict(
        Notification.objects.values_list("target_user_record__target__name", "follows_retry_policy")
    )
    assert follows == {"Pigeon": False, "Email": True}


@pytest.mark.parametrize(("given", "minutes"), [({}, 30), ({"receipts_after": 7}, 7)])
def test_a_receipt_is_due_when_the_handlers_settings_say(
    given: dict[str, int],
    minutes: int,
    pigeon: TargetUserRecord,
    settings: Any,
    make_due: MakeDue,
    process: Callable[..., str],
) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"courier": given}
    notification = make_due(pigeon, title="ring-1")
    process()
    notification.refresh_from_db()
    assert notification.receipt_due_at is not None
    assert notification.attempted_delivery is not None
    due_after = notification.receipt_due_at - notification.attempted_delivery
    assert due_after == timedelta(minutes=minutes)


@pytest.mark.parametrize(("hours", "confirmed"), [(47, 1), (49, 0)])
def test_receipts_are_asked_for_as_long_as_the_handler_says(
    hours: int,
    confirmed: int,
    pigeon: TargetUserRecord,
    make_due: MakeDue,
    process: Callable[..., str],
) -> None:
    notification = make_due(pigeon, title="ring-1")
    process()
    then = timezone.now() - timedelta(hours=hours)
    rows = Notification.objects.filter(pk=notification.pk)
    rows.update(attempted_delivery=then, receipt_due_at=then + timedelta(minutes=30))
    assert fetch_receipts([pigeon.target], using="default").confirmed == confirmed


def test_a_sample_of_a_type_goes_to_the_persons_own_address_or_to_nobodys(
    pigeon: TargetUserRecord,
) -> None:
    client = staff_client("change_notification")
    with known_types(Harvest):
        query = {"example": "tests.Harvest/rye", "target": str(pigeon.target.pk)}
        url = f"{address(Notification, 'types_preview')}?{urlencode(query)}"
        assert "sample tower" in client.get(url).content.decode()
        get_user_model().objects.filter(pk=client.session[SESSION_KEY]).update(last_name="Ham")
        assert "Ham tower" in client.get(url).content.decode()


def test_the_test_message_tells_the_headers_to_unsubscribe(pigeon: TargetUserRecord) -> None:
    out = io.StringIO()
    with known_categories(Category("news", label="News")):
        call_command(
            "send_test_notification",
            *("--target", "Pigeon", "--to", "south tower", "--category", "news"),
            stdout=out,
            stderr=io.StringIO(),
        )
    assert "Bell: ring twice against news\n" in out.getvalue()


def test_what_is_exported_of_a_person_knows_the_persons_own_addresses(
    user: Any, pigeon: TargetUserRecord
) -> None:
    suppress("courier", "Benedict tower", reason="manual")
    suppress("courier", "Ham tower", reason="manual")
    exported = export_person_data(user)["suppressions"]
    assert [row["address"] for row in exported] == ["Benedict tower"]


# --- Built-in targets -----------------------------------------------------------------------


def test_what_stands_in_for_a_built_in_handler_keeps_what_it_does_not_say(
    user: Any, email: TargetUserRecord, settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "email.py").write_text("def send_notification(notification): ...")
    settings.NOTIFICATION_SYSTEM_HANDLERS = [tmp_path]
    settings.NOTIFICATION_SYSTEM_TARGETS = {"email": {"conections": 4, "from_email": "a, b"}}
    said = {message.id: f"{message.msg} {message.hint}" for message in check_settings()}
    assert set(said) == {
        f"django_notification_system.{number}" for number in ("W001", "E014")
    }  # fmt: skip
    assert "Did you mean 'connections'?" in said["django_notification_system.W001"]
    with pytest.raises(InvalidNotification, match="An email needs a body"):
        notify(user, "Harvest", "", target="Email")
    assert find_handler(email.target).preview is None
    assert find_handler(email.target).destination is None


def test_what_stands_in_for_a_built_in_handler_and_does_not_import_keeps_all(
    settings: Any, tmp_path: Path
) -> None:
    (tmp_path / "email.py").write_text("import no_such_module")
    settings.NOTIFICATION_SYSTEM_HANDLERS = [tmp_path]
    settings.NOTIFICATION_SYSTEM_TARGETS = {"email": {"conections": 4, "from_email": "a, b"}}
    found = {message.id.removeprefix("django_notification_system.") for message in check_settings()}
    assert found == {"W001", "W006", "E014"}


#: Of targets whose checks end early where a setting is missing.
SETTINGS: dict[str, dict[str, Any]] = {
    "apprise": {"urls": {"ops": "slack://T/B/C"}},
    "fcm": {"credentials": "/no/such/file"},
    "twilio_sms": {"account_sid": "AC0", "auth_token": "t", "sender": "+15005550006"},
    "webpush": {"vapid_private_key": "A" * 43, "subject": "mailto:egg@example.com"},
}
#: The app with all that it needs, and the library that reads the key of Web Push.
NO_CLIENTS = {
    "_cffi_backend",
    "asgiref",
    "cryptography",
    "django",
    "django_notification_system",
    "sqlparse",
    "turbohtml",
}
#: Checks and describes every built-in target, with the settings in the argument, and tells what was
#: imported from the libraries.
ASK_ALL = """
import json
import sys
import sysconfig
before = set(sys.modules)
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes",
                    "django_notification_system"],
    NOTIFICATION_SYSTEM_TARGETS=json.loads(sys.argv[1]),
)
django.setup()
from django_notification_system.checks import check_settings
from django_notification_system.modules import built_in_names
from django_notification_system.targets import describe, target_settings
checks = sorted(message.id[-4:] for message in check_settings())
described = {name: describe(name) for name in built_in_names()}
libraries = sysconfig.get_path("purelib"), sysconfig.get_path("platlib")
print(json.dumps({
    "checks": checks,
    "settings": {each.key: each.settings_class.__name__ for each in described.values()},
    "rates": {name: target_settings(name).rate for name in described},
    "imported": sorted({
        name.partition(".")[0]
        for name in set(sys.modules) - before
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(libraries)
    }),
}))
"""


def test_settings_and_checks_import_no_client() -> None:
    """Not even where the targets are set: a web process has no use for the clients."""
    targets = {key: SETTINGS.get(key, {}) for key in built_in_keys()}
    done = subprocess.run(
        [sys.executable, "-c", ASK_ALL, json.dumps(targets)], capture_output=True, text=True
    )
    assert done.stderr == ""
    said = json.loads(done.stdout)
    assert said["checks"] == ["E021", "E023"]
    assert said["settings"].keys() == built_in_keys()
    assert "TargetSettings" not in said["settings"].values()
    assert said["rates"] == dict.fromkeys(built_in_names())
    assert set(said["imported"]) <= NO_CLIENTS


@pytest.mark.parametrize("name", ["twilio", "expo"])
def test_a_missing_client_is_told_when_the_handler_is_looked_for(
    name: str, records: dict[str, TargetUserRecord], monkeypatch: pytest.MonkeyPatch
) -> None:
    package = f"django_notification_system.notification_handlers.{name}"
    monkeypatch.delattr(import_module(package), "sending", raising=False)
    monkeypatch.delitem(sys.modules, f"{package}.sending", raising=False)
    monkeypatch.setitem(sys.modules, {"twilio": "twilio.rest", "expo": "six"}[name], None)
    target = records[name.title()].target
    with pytest.raises(TargetUnavailable, match=rf"pip install .*\[{name}\]"):
        find_handler(target)
