"""The pages for the people who run a site show the real output."""

import io
import re
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from django_notification_system import checks
from django_notification_system.categories import Category, known_categories
from django_notification_system.conf import retry_policy
from django_notification_system.models import NotificationTarget, TargetUserRecord
from django_notification_system.models.retry_interval import interval_of_policy
from django_notification_system.preferences import set_preference
from django_notification_system.testing.providers import ProviderStandIn
from django_notification_system.testing.smtp import SmtpStandIn
from tests.conftest import MakeDue
from tests.support.documentation import (
    Records,
    assert_documented,
    process,
    run_command,
    run_example,
)
from tests.support.mail_backends import use_backend


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def fill(records: Records, make_due: MakeDue) -> None:
    now = timezone.now()

    def make(record: TargetUserRecord, number: int, ago: int, status: str, said: str = "") -> None:
        for index in range(number):
            make_due(
                record,
                title=f"{status} {index} {ago}",
                status=status,
                scheduled_delivery=now - timedelta(minutes=ago, seconds=index),
                attempted_delivery=None if status == "SCHEDULED" else now - timedelta(minutes=10),
                response=said.format(index + 1),
            )

    make(records["Email"], 12, 3, "SCHEDULED")
    make(records["Email"], 48, 20, "DELIVERED")
    make(records["Email"], 3, -50, "RETRY", "Email not sent: 451 4.3.0 Try again in {} minutes")
    make(records["Email"], 1, 15, "DELIVERY FAILURE", "Email not sent: 550 5.7.1 Refused by policy")
    make(records["Twilio"], 4, 185, "SCHEDULED")
    make(records["Expo"], 2, -600, "SCHEDULED")
    for title in ("one", "two"):
        make_due(
            records["Email"],
            title=title,
            claim_token=uuid.UUID(int=1),
            claimed_until=now + timedelta(minutes=5),
        )


def test_output_of_the_queues_status(records: Records, make_due: MakeDue) -> None:
    fill(records, make_due)
    assert_documented(run_command("notification_status"), "notification_status")


def test_output_of_a_health_check_that_fails(records: Records, make_due: MakeDue) -> None:
    fill(records, make_due)
    assert_documented(
        run_command("notification_status", "--max-age", "15m"), "notification_status_overdue"
    )


def test_output_of_a_purge(records: Records, make_due: MakeDue) -> None:
    long_ago = timezone.now() - timedelta(days=100)
    for number, status in enumerate(["DELIVERED"] * 21 + ["DELIVERY FAILURE"] * 3 + ["SCHEDULED"]):
        make_due(
            records["Email"],
            title=f"{number}",
            status=status,
            scheduled_delivery=long_ago + timedelta(seconds=number),
        )
    purge = ("purge_notifications", "--older-than", "90d")
    assert_documented(run_command(*purge, "--dry-run"), "purge_notifications_dry_run")
    assert_documented(run_command(*purge), "purge_notifications")


def test_output_of_an_erasure(records: Records, make_due: MakeDue) -> None:
    for number in range(3):
        make_due(records["Email"], title=f"{number}")
    with known_categories(Category("news", label="News")):
        set_preference(records["Email"].user, "news", wanted=False, how="page")
    assert_documented(run_command("erase_notification_data", "egg"), "erase_notification_data")


def send_test(target: str, address: str) -> str:
    output = run_command("send_test_notification", "--target", target, "--to", address)
    output = re.sub(r"<[0-9a-f-]{36}@[^>]*>", "<6f0c…@example.com>", output)
    return re.sub(r"127\.0\.0\.1:\d+", "mail.example.com:25", output)


@pytest.mark.django_db
def test_output_of_a_test_message(mail_server: SmtpStandIn) -> None:
    assert_documented(send_test("Email", "oncall@example.com"), "send_test_notification")


@pytest.mark.django_db
def test_output_of_a_test_message_to_no_server(settings: Any, refusing_port: int) -> None:
    use_backend(settings, host="127.0.0.1", port=refusing_port, timeout=20)
    output = send_test("Email", "oncall@example.com")
    assert_documented(output, "send_test_notification_unreachable")


@pytest.mark.django_db
def test_output_of_a_test_message_with_half_the_settings(settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"twilio_sms": {"account_sid": "AC0", "sender": "+1500"}}
    assert_documented(send_test("Twilio", "+15005550010"), "send_test_notification_settings")


def test_staging_example_holds_what_it_does_not_name(
    records: Records, make_due: MakeDue, mail_server: SmtpStandIn, settings: Any
) -> None:
    example = run_example("staging_settings.py")
    settings.NOTIFICATION_SYSTEM = example["NOTIFICATION_SYSTEM"]
    assert checks.check_settings() == []
    make_due(records["Expo"])
    assert_documented(process().splitlines(keepends=True)[0], "staging")
    make_due(records["Email"])
    process("--target", "Email")
    assert [mail.envelope_to for mail in mail_server.received] == [["staging@example.com"]]


def test_retry_example_tries_again_when_the_page_says(settings: Any) -> None:
    values = run_example("retry_settings.py")["NOTIFICATION_SYSTEM"]
    settings.NOTIFICATION_SYSTEM = values
    assert checks.check_settings() == []
    policy = replace(retry_policy(), jitter=0)
    intervals = [interval_of_policy(policy, failed) for failed in range(policy.attempts - 1)]
    assert intervals == [5, 10, 20, 40]


def test_output_of_the_summary_on_a_terminal(
    records: Records,
    make_due: MakeDue,
    mail_server: SmtpStandIn,
    providers: ProviderStandIn,
) -> None:
    mail_server.answer("RCPT", "451 4.3.0 Try again later", times=3)
    for number in range(11):
        make_due(records["Email"], title=f"{number}")
    make_due(records["Twilio"])
    NotificationTarget.objects.filter(name="Expo").update(
        paused_until=timezone.now() + timedelta(minutes=1), pause_reason="HTTP 503"
    )
    make_due(records["Expo"])
    stderr = Terminal()
    call_command("process_notifications", stdout=io.StringIO(), stderr=stderr)
    summary = re.sub(r"\x1b\[[\d;]*m", "", stderr.getvalue())
    assert_documented(summary, "summary")
