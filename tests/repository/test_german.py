"""The admin and the commands in German: nothing of ours is left in English."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import cache, partial
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from typing import Any

import django
import pytest
from babel.messages.pofile import read_po
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.core.management.base import BaseCommand
from django.test import Client
from django.utils import timezone, translation

from django_notification_system.categories import Category, known_categories
from django_notification_system.models import (
    ConsentLog,
    Notification,
    NotificationAttempt,
    NotificationOptOut,
    NotificationTarget,
    Suppression,
    UserTarget,
)
from django_notification_system.modules import built_in_names
from django_notification_system.preferences import set_preference, suppress
from django_notification_system.targets import built_in_keys, describe_built_in
from tests.conftest import MakeDue
from tests.settings import TEST_DATABASE
from tests.support import forked
from tests.support.admin_site import Records, address
from tests.support.places import ROOT
from tests.support.subprocesses import environment_of

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(TEST_DATABASE != "sqlite", reason="A text is the same on every database."),
]

COMMANDS = sorted(
    path.stem
    for path in (ROOT / "django_notification_system/management/commands").glob("[a-z]*.py")
)
WITHOUT_ARGUMENTS = {"make_vapid_keys"}
#: What a target is called: its name, its module's, and its key in the settings.
TARGETS = "|".join(
    re.escape(name)
    for name in sorted(
        {describe_built_in(module).target_name for module in built_in_names()}
        | built_in_names()
        | built_in_keys()
    )
)
#: What people entered, what handlers said, and names.
DATA = re.compile(
    rf"""[\W\d_]* | [\W\d]*(ada|egg|Eggs's.({TARGETS})|Your.order|lorem.ipsum|Bounce)\b.*
    | \W*({TARGETS})\W*
    | .*(@example\.com|PushToken\[|\+1500).*
    | django_notification_system\.notification_handlers\.\w+ | 550.No.mailbox
    | Message-ID | https:\S+ | Eggs.Benedict,.* | .*@localhost\W*
    | (April|August|September|November).\d{{4}}""",
    re.VERBOSE | re.DOTALL,
)
#: Words that both languages have.
BOTH = {"Handler", "Name", "Person", "Start", "Status", "Text", "Version"}
#: The texts of Django's icons, which are marked nowhere.
ICONS = {"False", "True"}


@cache
def djangos_texts() -> frozenset[str]:
    """Return what Django itself marks: a new version has texts that nobody has translated."""
    found: set[str] = set()
    for folder in ("conf", "contrib/admin"):
        path = Path(django.__file__).parent / folder / "locale/en/LC_MESSAGES/django.po"
        with path.open("rb") as file:
            found |= {str(message.id) for message in read_po(file) if message.id}
    return frozenset(found)


class Texts(HTMLParser):
    """Collects what a person reads on a page, or hears."""

    SPOKEN = ("title", "alt", "aria-label", "placeholder")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: set[str] = set()
        self.hidden = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        self.hidden += tag in ("script", "style")
        attribute = dict(attributes)
        spoken = [attribute.get(name) for name in self.SPOKEN]
        if tag == "input" and attribute.get("type") in ("submit", "button"):
            spoken.append(attribute.get("value"))
        self.found |= {" ".join(text.split()) for text in spoken if text}

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.found.add(" ".join(data.split()))


@pytest.fixture
def client() -> Client:
    """A superuser's browser."""
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("ada", "ada@example.com", "x"))
    return client


@pytest.fixture
def notifications(records: Records, make_due: MakeDue) -> list[Notification]:
    """One of each status, with a history, in a project with a pause and an opt-out."""
    now = timezone.now()
    made = [
        make_due(
            records["Email" if number % 2 else "Expo"],
            title=f"Your order {number}",
            status=status,
            response="550 No mailbox" if status == "DELIVERY FAILURE" else "",
            attempted_delivery=None if status == "SCHEDULED" else now,
            scheduled_delivery=now - timedelta(minutes=90 + number),
        )
        for number, status in enumerate(dict(Notification.STATUS_CHOICES))
    ]
    for number, result in enumerate(NotificationAttempt.Result.values):
        NotificationAttempt.objects.create(
            notification=made[0], attempted_at=now - timedelta(minutes=number), result=result
        )
    NotificationAttempt.objects.create(
        notification=made[2], attempted_at=now, result="FAILED", response="550 No mailbox"
    )
    NotificationTarget.objects.filter(name="Twilio").update(
        paused_until=now + timedelta(hours=1), pause_reason="Bounce"
    )
    NotificationOptOut.objects.create(user=get_user_model().objects.create_user("ada-2"))
    return made


def left_in_english(get: Callable[[], Any]) -> set[str]:
    """Return what a page says in both languages with the same words."""
    said = {}
    for language in ("en", "de"):
        with translation.override(language):
            response = get()
        assert response.status_code == 200, response.headers
        said[language] = Texts(response.content.decode()).found
    same = {text.rstrip(":") for text in said["en"] & said["de"] if not DATA.fullmatch(text)}
    return same - BOTH - ICONS - djangos_texts()


def pages(notifications: list[Notification], records: Records) -> Iterator[str]:
    yield "/admin/"
    for model in (Notification, NotificationTarget, NotificationOptOut, UserTarget):
        yield address(model)
        yield address(model, "add")
    yield address(Notification) + "dashboard/"
    yield address(Notification) + "?scheduled_delivery__year=2026"
    yield address(Notification, "change", notifications[0].pk)
    yield address(Notification, "preview", notifications[1].pk)
    yield address(Notification, "preview", notifications[0].pk)
    yield address(UserTarget, "change", records["Email"].pk)
    yield address(NotificationTarget, "change", records["Twilio"].target.pk)
    yield address(NotificationOptOut, "change", NotificationOptOut.objects.get().pk)


def test_no_page_of_the_admin_says_anything_in_english(
    client: Client, notifications: list[Notification], records: Records
) -> None:
    found = [
        (text, page)
        for page in pages(notifications, records)
        for text in left_in_english(partial(client.get, page))
    ]
    assert not found, "\n".join(map(str, found))


def test_no_page_about_consent_says_anything_in_english(client: Client, records: Records) -> None:
    user, record = records["Email"].user, records["Email"]
    with known_categories(
        Category("egg", label="Your order", targets=("email", "expo")),
        Category("ada", label="Your order 2", opt_in=True, confirm=True),
        Category("ada-2", label="Your order 3", mandatory=True),
    ):
        set_preference(user, "egg", "email", wanted=False, how="one-click")
        set_preference(user, "egg", "expo", wanted=True, how="page")
        set_preference(user, "", "expo", wanted=False, how="link")
        set_preference(user, "ada", "email", wanted=True, how="admin", by=user)
        suppress("email", "gone@example.com", reason="bounce")
        erased = suppress("email", "erased@example.com", reason="stop")
        Suppression.objects.filter(pk=erased.pk).update(address="")
        pages = [
            address(UserTarget, "change", record.pk),
            address(UserTarget, "preferences", record.pk),
            address(Suppression),
            address(Suppression, "add"),
            address(Suppression, "change", Suppression.objects.get(address="gone@example.com").pk),
            address(ConsentLog),
            address(ConsentLog, "change", ConsentLog.objects.filter(user=user).latest("pk").pk),
        ]
        found = [
            (text, page) for page in pages for text in left_in_english(partial(client.get, page))
        ]
        add = {"target_key": "email", "address": "gone@example.com"}
        refused = left_in_english(lambda: client.post(address(Suppression, "add"), add))
    assert not found, "\n".join(map(str, found))
    assert not refused


@pytest.mark.parametrize("action", ["send_now", "retry_failed", "cancel", "reschedule"])
def test_no_page_that_asks_first_says_anything_in_english(
    client: Client, notifications: list[Notification], action: str
) -> None:
    keys = [notification.pk for notification in notifications]
    data = {"action": action, "_selected_action": keys, "index": 0}
    assert not left_in_english(lambda: client.post(address(Notification), data))
    past = {"moment_0": "2001-02-03", "moment_1": "04:05", "confirmed": "yes"}
    if action == "reschedule":
        assert not left_in_english(lambda: client.post(address(Notification), data | past))


def test_a_browser_that_asks_for_german_gets_messages_and_log_in_german(
    client: Client, notifications: list[Notification], settings: Any
) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.locale.LocaleMiddleware"]
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "de-AT,de;q=0.9,en;q=0.5"
    keys = [notification.pk for notification in notifications]
    data = {"action": "cancel", "_selected_action": keys, "confirmed": "yes"}
    page = client.post(address(Notification), data, follow=True).content.decode()
    assert "2 Benachrichtigungen wurden geändert." in page
    assert "6 Benachrichtigungen blieben unverändert: 1 (Status: " in page
    assert "Status: Zustellung fehlgeschlagen" in page
    [pending, _other] = LogEntry.objects.values_list("object_id", flat=True)
    history = address(Notification, "history", pending)
    assert "Abgebrochen." in client.get(history).content.decode()
    client.defaults["HTTP_ACCEPT_LANGUAGE"] = "en"
    assert "Cancelled." in client.get(history).content.decode()


def test_errors_in_forms_are_german(client: Client, records: Records) -> None:
    data = {
        "target_user_record": records["Email"].pk,
        "title": "one\ntwo",
        "extra": '{"template_name": ["\\u0000"]}',
        "scheduled_delivery_0": "2031-01-02",
        "scheduled_delivery_1": "03:04",
        "retry_time_interval": 1,
        "max_retries": 1,
        "priority": "0",
    }

    def post() -> Any:
        return client.post(address(Notification, "add"), data)

    assert left_in_english(post) == {data["extra"]}  # shown again as it was entered
    with translation.override("de"):
        assert "enthält ein NUL-Zeichen" in post().content.decode()


# --- The commands


@pytest.fixture
def german(settings: Any) -> None:
    """A project in German."""
    settings.LANGUAGE_CODE = "de"


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_is_german(name: str) -> None:
    module = import_module(f"django_notification_system.management.commands.{name}")
    common = {action.dest for action in BaseCommand().create_parser("x", name)._actions}
    texts: dict[str, dict[str, str]] = {}
    for language in ("en", "de"):
        with translation.override(language):
            parser = module.Command().create_parser("manage.py", name)
            parser.format_help()  # the placeholders are right
        own = [action for action in parser._actions if action.dest not in common]
        texts[language] = {action.dest: action.help for action in own}
        texts[language]["(description)"] = parser.description
    assert len(texts["de"]) > 2 or name in WITHOUT_ARGUMENTS
    assert {key for key, text in texts["de"].items() if text == texts["en"][key]} == set()


def test_the_console_of_a_project_in_german_is_german(tmp_path: Path) -> None:
    (tmp_path / "site_settings.py").write_text(
        "from tests.settings import *\nLANGUAGE_CODE = 'de'\n"
        f"DATABASES['default']['NAME'] = {str(tmp_path / 'db.sqlite3')!r}\n"
    )
    environment = environment_of(
        {"DJANGO_SETTINGS_MODULE": "site_settings", "PYTHONPATH": str(ROOT)}
    )

    def manage(*arguments: str) -> Any:
        return forked.run(["-m", "django", *arguments], folder=tmp_path, environment=environment)

    help_text = manage("purge_notifications", "--help").stdout
    assert "samt ihren Zustellversuchen" in " ".join(help_text.split())
    refused = manage("purge_notifications", "--older-than", "long")
    assert refused.returncode == 2
    assert "'long' ist keine Zeitspanne" in refused.stderr
    assert manage("migrate", "--verbosity", "0").returncode == 0
    checked = manage("makemigrations", "--check", "--dry-run")
    assert (checked.returncode, checked.stderr) == (0, "")
    health = manage("notification_status", "--max-age", "15m")
    assert health.stdout == "Nichts ist länger als 15m fällig.\n"


@pytest.mark.usefixtures("german")
def test_a_run_sums_up_in_german_and_leaves_its_blocks_as_they_are(
    records: Records, make_due: MakeDue, mail_server: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    notification = make_due(records["Email"])
    NotificationTarget.objects.create(name="Owl", notification_module_name="owl")
    record = UserTarget.objects.create(
        user=records["Email"].user,
        target=NotificationTarget.objects.get(name="Owl"),
        target_user_id="north",
        description="",
    )
    make_due(record)
    call_command("process_notifications", verbosity=2)
    printed = capsys.readouterr()
    due = notification.scheduled_delivery.replace(microsecond=0)
    assert printed.out.startswith(
        f"egg - {due} - SCHEDULED\nTest notification - lorem ipsum...\n"
        f"Email Successfully Sent\n{'*' * 33}\n"
    )
    assert "Kein Handler für den Kanal 'Owl': In django_notification_system" in printed.out
    assert "Kein Handler für den Kanal 'Owl': In django_notification_system" in printed.err
    assert "1 Zugestellt" in printed.err
    assert not re.search(r"\b(target|handler for|delivered)\b", printed.err)


@pytest.mark.usefixtures("german")
def test_what_programs_read_is_the_same_in_german(
    records: Records, make_due: MakeDue, mail_server: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    make_due(records["Email"])
    call_command("process_notifications", format="json")
    notification, summary = map(json.loads, capsys.readouterr().out.splitlines())
    assert notification["status"] == "DELIVERED"
    assert notification["response"] == "Email Successfully Sent"
    assert summary["statuses"] == {"DELIVERED": 1}
    assert Notification.objects.get().response == "Email Successfully Sent"


@pytest.mark.usefixtures("german")
def test_what_is_stored_and_what_checks_say_stays_english_in_german(
    records: Records, make_due: MakeDue, mail_server: Any, settings: Any
) -> None:
    refused: list[dict[str, Any]] = [
        {"cc": ["bénédicte@example.com"]},
        {"headers": {"References": "bénédicte"}},
    ]
    made = [make_due(records["Email"], extra=extra) for extra in refused]
    call_command("process_notifications", verbosity=0)
    for notification in made:
        notification.refresh_from_db()
        assert "has a character beyond ASCII" in notification.response
    settings.DEFAULT_FROM_EMAIL = "Shop, Inc. <shop@example.com>"
    [error] = [each for each in run_checks() if each.id == "django_notification_system.E014"]
    assert error.msg.startswith("The sender's address")


@pytest.mark.usefixtures("german")
def test_the_other_commands_speak_german(
    notifications: list[Notification],
    capsys: pytest.CaptureFixture[str],
    mail_server: Any,
    settings: Any,
) -> None:
    settings.NOTIFICATION_SYSTEM = {"OVERRIDE_RECIPIENTS": {"email": "team@example.com"}}
    call_command("notification_status")
    status = capsys.readouterr().out
    for text in ("Kanal", "Älteste fällig seit", "Kein Worker hat etwas reserviert.", "Pausiert"):
        assert text in status
    assert "OVERRIDE_RECIPIENTS ist gesetzt, daher erreicht keine Nachricht Menschen:" in status
    assert "Email geht an team@example.com, Expo ist angehalten" in status
    call_command("send_test_notification", target="Email", to="eggs@example.com")
    printed = capsys.readouterr()
    assert printed.out.startswith("Email Successfully Sent\n")
    assert "Handler: django_notification_system" in printed.err
    assert "Geht an: 127.0.0.1" in printed.err
    assert mail_server.received[-1]["Subject"] == "Testbenachrichtigung"
    with pytest.raises(CommandError, match="Der Kanal 'Expo' ist angehalten: NOTIFICATION_SYSTEM"):
        call_command("send_test_notification", target="Expo", to="x")
    with pytest.raises(CommandError, match=r"Es gibt keinen Kanal 'Owl'\. Vorhanden sind: "):
        call_command("send_test_notification", target="Owl", to="x")
    Notification.objects.update(attempted_delivery=timezone.now() - timedelta(hours=1))
    call_command("purge_notifications", "--older-than", "1m", "--dry-run")
    assert re.match(r"\d Benachrichtigungen würden gelöscht: 1 \w+", capsys.readouterr().out)
    call_command("create_email_target_user_records")
    counted = "0 angelegt, 0 aktualisiert, 1 unverändert, 1 ohne Adresse, 0 ungültig"
    assert counted in capsys.readouterr().out
