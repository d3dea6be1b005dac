"""Which status callbacks are taken for Twilio's: the signature, and the address in it."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from twilio.request_validator import RequestValidator

from django_notification_system.contrib import twilio as contrib
from django_notification_system.models import (
    Notification,
    NotificationAttempt,
    TargetUserRecord,
)
from django_notification_system.testing.providers import ProviderStandIn
from tests.conftest import MakeDue
from tests.support.twilio_callbacks import ADDRESS, SID, form_of, post, report, serve
from tests.support.twilio_support import TOKEN, configure


@pytest.fixture(autouse=True)
def urls(settings: Any, providers: ProviderStandIn) -> None:
    serve(settings)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contrib.status, "WAITS", (0.01, 0.02))


@pytest.fixture
def record(records: dict[str, TargetUserRecord]) -> TargetUserRecord:
    return records["Twilio"]


@pytest.fixture
def sent(record: TargetUserRecord, make_due: MakeDue) -> Notification:
    """A notification that Twilio took."""
    return make_due(
        record,
        status=Notification.DELIVERED,
        provider_message_id=SID,
        attempted_delivery=timezone.now() + timedelta(seconds=1),
    )


@pytest.mark.parametrize("algorithm", [None, "HMAC_SHA1", "HMAC_SHA256", "hmac_sha256"])
def test_signatures_of_both_kinds_are_verified(sent: Notification, algorithm: str | None) -> None:
    assert report("sent", algorithm=algorithm).status_code == 204

    wrong = report("delivered", algorithm=algorithm, token="another")
    assert wrong.status_code == 403
    sent.refresh_from_db()
    assert sent.provider_status == "sent"


@pytest.mark.parametrize(
    "options",
    [
        {"signature": ""},
        {"signature": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="},
        {"signature": "\xe4\xf6"},
        {"token": "another"},
        {"token": ""},
        {"address": "https://testserver/twilio/status/"},
        {"address": "http://testserver/elsewhere/"},
        {"algorithm": "HMAC_MD5", "signature": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="},
    ],
)
def test_a_wrong_signature_is_refused(sent: Notification, options: Any) -> None:
    assert report("delivered", **options).status_code == 403

    sent.refresh_from_db()
    assert (sent.provider_status, sent.confirmed_at) == ("", None)


def test_no_parameter_can_be_changed_under_a_signature(sent: Notification) -> None:
    form = form_of("undelivered", 30003)
    signature = RequestValidator(TOKEN).compute_signature(ADDRESS, dict(form))
    assert post(form_of("undelivered", 30005), signature=signature).status_code == 403
    assert post([*form, ("ErrorCode", "30005")], signature=signature).status_code == 403
    sent.refresh_from_db()
    assert sent.status == Notification.DELIVERED

    assert post(form, signature=signature).status_code == 204
    assert post(form, signature=signature).status_code == 204
    sent.refresh_from_db()
    assert sent.status == Notification.DELIVERY_FAILURE
    assert NotificationAttempt.objects.count() == 1


@pytest.mark.parametrize("unset", ["", None])
def test_without_a_token_nobody_can_sign(
    sent: Notification, settings: Any, unset: Any, caplog: pytest.LogCaptureFixture
) -> None:
    configure(settings, auth_token=unset)

    assert report("delivered", token="").status_code == 403

    assert "Set auth_token" in caplog.text


def test_nothing_is_looked_up_before_the_signature_is_known(
    sent: Notification, django_assert_num_queries: Any
) -> None:
    with django_assert_num_queries(0):
        assert report("delivered", token="another").status_code == 403


@pytest.mark.parametrize("method", ["get", "head", "put", "delete", "patch", "options"])
def test_only_what_is_posted_counts(method: str, sent: Notification) -> None:
    assert getattr(Client(), method)("/twilio/status/").status_code == 405


def test_a_report_that_names_no_message_is_refused(sent: Notification) -> None:
    assert post([("MessageStatus", "sent")]).status_code == 400
    assert post([("MessageSid", SID)]).status_code == 400


# --- The address ----------------------------------------------------------------------------


def test_django_knows_the_address_behind_a_proxy_if_the_project_says_so(
    sent: Notification, settings: Any
) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.USE_X_FORWARDED_HOST = True
    settings.ALLOWED_HOSTS = ["www.example.com"]
    forwarded = {"HTTP_X_FORWARDED_PROTO": "https", "HTTP_X_FORWARDED_HOST": "www.example.com"}

    public = "https://www.example.com/twilio/status/"
    assert report("sent", address=public, **forwarded).status_code == 204
    with_port = "https://www.example.com:443/twilio/status/"
    assert report("sent", address=with_port, **forwarded).status_code == 204


@pytest.mark.parametrize("fragment", ["", "#rc=3&rp=5xx"])
def test_the_settings_may_name_the_public_address(
    sent: Notification, settings: Any, fragment: str
) -> None:
    public = "https://www.example.com/hooks/sms?tenant=1"
    assert report("sent", address=public).status_code == 403

    configure(settings, callback_url=public + fragment)

    assert report("sent", address=public).status_code == 204
    assert report("sent").status_code == 204  # a notification's own, by the address Django knows
    assert report("sent", address="https://evil.example.com/").status_code == 403


def test_a_query_is_part_of_the_address(sent: Notification) -> None:
    at = "/twilio/status/?key=%C3%A4&other=a+b"
    assert report("sent", at=at, address=f"http://testserver{at}").status_code == 204
    assert report("sent", at=at).status_code == 403
