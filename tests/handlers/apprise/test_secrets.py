"""Neither URLs nor messages reach responses, logs, history, pages, checks or exports."""

import importlib.util
import logging
import subprocess
import sys
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from django_notification_system.checks import check_deployed_targets, check_settings
from django_notification_system.delivery.runs.run import Run
from django_notification_system.models import (
    Notification,
    NotificationAttempt,
    NotificationTarget,
    TargetUserRecord,
)
from django_notification_system.notification_handlers import apprise
from django_notification_system.testing.exchange import Answer, ReceivedRequest
from django_notification_system.testing.providers import ProviderStandIn
from tests.conftest import MakeDue
from tests.support.apprise_support import PASSWORD, PATH, configure, url_of

BODY = "Your code is planted-body-417"
SECRETS = (PASSWORD, PATH, "planted-body", "ZWdnOnBsYW50ZWQtcGFzc3dvcmQ=")


@pytest.mark.parametrize("status", [200, 400, 401, 429, 500])
@pytest.mark.parametrize("which", ["ops", "own"])
def test_no_secret_is_told(
    request: pytest.FixtureRequest,
    service: ProviderStandIn,
    make_due: MakeDue,
    caplog: pytest.LogCaptureFixture,
    admin_client: Client,
    status: int,
    which: str,
) -> None:
    record: TargetUserRecord = request.getfixturevalue(which)
    caplog.set_level(logging.DEBUG)

    def quote(received: ReceivedRequest) -> Answer:
        said = f"{received.path} {received.headers} {received.body.decode()}"
        return Answer(status=status, text=said)

    service.on_request = quote
    notification = make_due(record, title="Code", body=BODY)
    list(Run())
    assert len(service.requests) == 1
    notification.refresh_from_db()
    record.refresh_from_db()
    export = StringIO()
    call_command("export_notification_data", record.user.get_username(), stdout=export)
    page = admin_client.get(
        reverse("admin:django_notification_system_usertarget_change", args=[record.pk])
    )
    shown = [
        notification.response,
        caplog.text,
        repr(list(NotificationAttempt.objects.values())),
        repr(record.details),
        page.content.decode(),
    ]
    for text in shown:
        for secret in SECRETS:
            assert secret not in text
    for secret in (PASSWORD, PATH):
        assert secret not in export.getvalue()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("planted", "is no URL as Apprise writes it. Begin it"),
        ("syslog://planted", "the schema 'syslog', which is not allowed here. Schemas that"),
        ("xml://planted.example/", "'xml', which is not allowed here. Schemas that reach"),
        (7, "must be a dictionary of names"),
    ],
)
def test_a_wrong_url_has_a_next_step_and_is_not_told(settings: Any, url: Any, said: str) -> None:
    configure(settings, urls={"ops": url})
    [message] = check_settings()
    text = f"{message.msg} {message.hint or ''}"
    assert said in text.replace("['urls']['ops'] has ", "")
    assert "planted" not in text
    assert message.id is not None
    page = {"E003": "reference/settings", "E024": "howto/target_apprise"}[message.id[-4:]]
    assert text.endswith(f"See docs/{page}.rst")


def test_right_settings_are_in_order(settings: Any) -> None:
    urls = {
        "ops": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
        "dev": "json://localhost/",
    }
    configure(settings, urls=urls)
    assert check_settings() == []
    assert check_deployed_targets() == []


def test_before_a_deployment_apprise_itself_reads_the_urls(settings: Any) -> None:
    urls = {"ops": "slack://planted", "dev": "json://localhost/", "off": "planted"}
    configure(settings, urls=urls)
    [message] = check_deployed_targets()
    assert message.id == "django_notification_system.E024"
    assert "['urls']['ops'] is no URL of which the installed Apprise" in message.msg
    assert "docs/howto/target_apprise.rst" in (message.hint or "")
    assert "planted" not in f"{message.msg} {message.hint}"


def test_a_missing_client_is_noticed(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(settings)
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "apprise" else find(name)
    )
    [message] = check_settings()
    assert "'apprise' is not installed" in message.msg


def test_the_place_and_the_preview_have_no_url(ops: TargetUserRecord, settings: Any) -> None:
    assert apprise.destination() == "ops"
    notification = Notification(target_user_record=ops, title="Code", body=BODY)
    shown = apprise.preview(notification, may_render=False, with_text=False)
    assert (shown.title, shown.text) == ("Code", BODY)
    settings.NOTIFICATION_SYSTEM_TARGETS = {}
    assert apprise.destination() == "each record's own URL"


def test_a_staging_site_sends_to_a_name_of_the_settings(
    own: TargetUserRecord, service: ProviderStandIn, make_due: MakeDue, settings: Any
) -> None:
    with ProviderStandIn() as theirs:
        own.details = {"url": url_of(theirs)}
        own.save()
        settings.NOTIFICATION_SYSTEM = {"OVERRIDE_RECIPIENTS": {"apprise": "ops"}}
        service.on_request = lambda request: Answer(status=200)
        make_due(own)
        list(Run())
        assert theirs.requests == []
    assert len(service.requests) == 1


def test_a_test_message_goes_to_a_name_of_the_settings(
    target: NotificationTarget, service: ProviderStandIn
) -> None:
    service.on_request = lambda request: Answer(status=200)
    call_command("send_test_notification", "--target", "Apprise", "--to", "ops", stdout=StringIO())
    assert len(service.requests) == 1


def test_an_address_is_a_name_or_a_short_address(service: ProviderStandIn) -> None:
    assert apprise.fault_of_address("ops") == ""
    assert apprise.fault_of_address("sha256:" + "a" * 43) == ""
    assert "is no name" in apprise.fault_of_address("dev")


def test_the_library_is_loaded_by_the_first_delivery_alone() -> None:
    program = (
        "import sys, django;"
        "from django.conf import settings;"
        "settings.configure(NOTIFICATION_SYSTEM_TARGETS={'apprise': {'urls': {'ops': 'slack://x'}}},"
        "INSTALLED_APPS=['django.contrib.contenttypes', 'django.contrib.auth',"
        "'django_notification_system']);"
        "django.setup();"
        "from django.core.checks import run_checks; run_checks();"
        "assert 'django_notification_system.notification_handlers.apprise' in sys.modules;"
        "assert 'apprise' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
