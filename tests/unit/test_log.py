"""The log's records: what they carry for programs, and what never stands in one."""

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from django_notification_system.models import NotificationOptOut, TargetUserRecord
from django_notification_system.notification_handlers import email as email_handler
from django_notification_system.observing.observers import ProviderCall, WatchedCall, provider_call
from django_notification_system.testing.providers import Answer, ProviderStandIn
from django_notification_system.testing.smtp import SmtpStandIn
from tests.conftest import ADDRESSES, MakeDue
from tests.support.email_support import run
from tests.support.mail_backends import use_backend

APP = "django_notification_system"
TITLE, BODY = "planted title", "planted body, code 471199"
#: What every record has by itself.
OWN_FIELDS = {*vars(logging.LogRecord("", 0, "", 0, "", (), None)), "message", "asctime"}


class Records(logging.Handler):
    """Keeps all records of all loggers."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.all: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name != "mail.log":  # the stand-in's own, which is a mail server
            self.all.append(record)

    def fields(self, text: str) -> list[dict[str, Any]]:
        """Return the fields of this app's records that have a text."""
        return [
            {name: value for name, value in vars(record).items() if name not in OWN_FIELDS}
            for record in self.all
            if record.name == APP and text in record.getMessage()
        ]

    @property
    def everything(self) -> str:
        """Return all that any formatter could print of any record."""
        formatter = logging.Formatter("%(message)s")
        return "\n".join(f"{formatter.format(record)} {vars(record)}" for record in self.all)


@pytest.fixture
def log() -> Iterator[Records]:
    """All that is logged, by whomever, at whatever level."""
    root = logging.getLogger()
    records, level = Records(), root.level
    root.addHandler(records)
    root.setLevel(logging.DEBUG)
    yield records
    root.removeHandler(records)
    root.setLevel(level)


def test_attempts_have_a_record_with_fields(
    loft: TargetUserRecord, make_due: MakeDue, log: Records
) -> None:
    made = {title: make_due(loft, title=title) for title in ("hello", "fail", "retry", "gone")}
    again = make_due(loft, title="again", status="RETRY", retry_attempts=2)
    run()
    (claimed,) = log.fields("claimed")
    token = claimed["batch_token"]
    assert claimed == {"target": "Loft", "batch_token": token, "count": 5}
    assert log.fields("recorded 5") == [claimed]
    expected = [
        (made["hello"], "delivered", 1),
        (made["fail"], "failed", 1),
        (made["retry"], "retrying", 1),
        (made["gone"], "inactive", 1),
        (again, "delivered", 3),
    ]
    found = {fields["notification_id"]: fields for fields in log.fields(": notification ")}
    for notification, outcome, number in expected:
        assert found[str(notification.pk)] == {
            "target": "Loft",
            "notification_id": str(notification.pk),
            "batch_token": token,
            "outcome": outcome,
            "attempt_number": number,
        }
        assert f"Loft: notification {notification.pk}: {outcome}." in log.everything
    assert len(found) == 5


def test_what_is_not_attempted_has_a_record(
    email: TargetUserRecord, user: Any, make_due: MakeDue, log: Records
) -> None:
    NotificationOptOut.objects.bulk_create([NotificationOptOut(user=user, active=True)])
    notification = make_due(email)
    run()
    (fields,) = log.fields("without an attempt")
    assert fields.pop("batch_token")
    assert fields == {
        "target": "Email",
        "notification_id": str(notification.pk),
        "outcome": "opted_out",
    }


def test_calls_have_a_record_with_their_duration(
    records: dict[str, TargetUserRecord],
    make_due: MakeDue,
    providers: ProviderStandIn,
    mail_server: SmtpStandIn,
    log: Records,
) -> None:
    mail_server.answer("RCPT", "550 5.7.1 Refused by policy")
    notification = make_due(records["Email"])
    make_due(records["Expo"])
    make_due(records["Expo"], title="The other")
    run()
    expo, mail = sorted(log.fields("a call took"), key=lambda fields: fields["provider"] != "expo")
    assert 0 < expo.pop("duration") < 60
    assert 0 < mail.pop("duration") < 60
    assert expo == {"target": "Expo", "provider": "expo", "count": 2}
    assert mail == {
        "target": "Email",
        "provider": "email",
        "count": 1,
        "notification_id": str(notification.pk),
        "error": "smtplib.SMTPRecipientsRefused",
    }


def test_what_is_sent_outside_a_run_has_records(
    email: TargetUserRecord, make_due: MakeDue, mail_server: SmtpStandIn, log: Records
) -> None:
    notification = make_due(email)
    email_handler.send_notification(notification)
    (fields,) = log.fields(": delivered.")
    assert fields["notification_id"] == str(notification.pk)
    (late,) = (make_due(email, title="x", expires_at=timezone.now() - timedelta(minutes=1)),)
    email_handler.send_notification(late)
    (fields,) = log.fields("without an attempt")
    assert fields["outcome"] == "expired"


def test_what_a_handler_raises_is_logged_with_the_fields(
    loft: TargetUserRecord, make_due: MakeDue, log: Records
) -> None:
    make_due(loft, title="raise")
    run()
    assert log.fields("raised while delivering a batch") == [{"target": "Loft"}]


def test_outcomes_that_need_a_person_are_warnings(
    loft: TargetUserRecord, make_due: MakeDue, log: Records
) -> None:
    for title in ("hello", "retry", "fog", "fail", "gone"):
        make_due(loft, title=title)
    make_due(loft, title="late", expires_at=timezone.now() - timedelta(minutes=1))
    run()
    levels = {
        vars(record)["outcome"]: record.levelname
        for record in log.all
        if record.name == APP and hasattr(record, "outcome")
    }
    assert levels == {
        "delivered": "DEBUG",
        "retrying": "DEBUG",
        "failed": "WARNING",
        "inactive": "WARNING",
        "expired": "WARNING",
    }


def test_nobody_who_listens_costs_no_record(
    loft: TargetUserRecord, make_due: MakeDue, log: Records
) -> None:
    logging.getLogger(APP).setLevel(logging.WARNING)
    try:
        make_due(loft)
        run()
    finally:
        logging.getLogger(APP).setLevel(logging.NOTSET)
    assert log.fields("") == []


#: What a server may say of a message, with all that it knows of it.
QUOTES = f"{ADDRESSES['Email']} {ADDRESSES['Twilio']} {ADDRESSES['Expo']} {TITLE} {BODY}"


@pytest.mark.parametrize("answers", ["well", "badly", "not"])
def test_no_record_has_an_address_a_text_or_a_secret(
    records: dict[str, TargetUserRecord],
    make_due: MakeDue,
    providers: ProviderStandIn,
    mail_server: SmtpStandIn,
    settings: Any,
    log: Records,
    answers: str,
    refusing_port: int,
) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS["expo"]["access_token"] = "planted-access-token"
    port = mail_server.port
    if answers == "badly":
        mail_server.answer("RCPT", f"550 5.1.1 {QUOTES}")
        said = {"code": 21211, "message": QUOTES, "status": 400}
        expo = {"errors": [{"code": "VALIDATION_ERROR", "message": QUOTES}]}
        providers.on_request = lambda request: Answer(
            status=400, json=expo if "push" in request.path else said
        )
    elif answers == "not":
        port = refusing_port
        providers.on_request = lambda request: Answer(close=True)
    login = {"username": "planted-user", "password": "planted-password"}
    use_backend(settings, host=mail_server.host, port=port, timeout=20, **login)
    for record in records.values():
        make_due(record, title=TITLE, body=BODY)
        make_due(record, title=f"{TITLE}\nin two lines", body=BODY)
        make_due(record, title=f"{TITLE} with an odd extra", body=BODY, extra=[BODY])
        make_due(record, title=f"{TITLE} with no such template", extra={"template_name": "x.html"})
    records["Email"].target_user_id = f"not\nan {ADDRESSES['Email']}"
    run()
    assert log.fields("a call took") or answers == "not"
    everything = log.everything
    assert "urllib3" in {record.name.partition(".")[0] for record in log.all}
    for secret in (TITLE, BODY, "471199", *ADDRESSES.values(), "planted"):
        assert secret not in everything, secret


@pytest.mark.parametrize(
    ("level", "kind"), [(logging.INFO, ProviderCall), (logging.DEBUG, WatchedCall)]
)
def test_a_call_without_observers_is_watched_only_for_the_level_of_debugging(
    level: int, kind: type[ProviderCall]
) -> None:
    logger = logging.getLogger(APP)
    before = logger.level
    logger.setLevel(level)
    try:
        assert type(provider_call("email", [])) is kind
    finally:
        logger.setLevel(before)
