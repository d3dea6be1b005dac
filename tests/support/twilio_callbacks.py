"""Status callbacks, posted like Twilio's."""

from types import ModuleType
from typing import Any
from urllib.parse import urlencode

from django.test import Client
from django.urls import include, path
from twilio.request_validator import RequestValidator

from tests.support.twilio_support import TOKEN

SID = "SM00000000000000000000000000000001"
ADDRESS = "http://testserver/twilio/status/"


def serve(settings: Any) -> None:
    """Have a project serve the view, with Django's guard against forged forms."""
    module = ModuleType("urls_of_test")
    vars(module)["urlpatterns"] = [
        path("twilio/", include("django_notification_system.contrib.twilio"))
    ]
    settings.ROOT_URLCONF = module
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "django.middleware.csrf.CsrfViewMiddleware"]


def post(
    form: Any,
    *,
    address: str = ADDRESS,
    at: str = "/twilio/status/",
    token: str = TOKEN,
    signature: str | None = None,
    algorithm: str | None = None,
    **environment: Any,
) -> Any:
    """Post a form as Twilio does: signed, without a cookie."""
    if signature is None:
        signature = signed(address, dict(form), token, algorithm)
    if algorithm:
        settings_of_signature = f"key=webhooks_sharedkey_1,algorithm={algorithm}"
        environment["HTTP_X_TWILIO_WEBHOOKS_SIGNATURE_SETTINGS"] = settings_of_signature
    if signature:
        environment["HTTP_X_TWILIO_SIGNATURE"] = signature
    return Client(enforce_csrf_checks=True).post(
        at,
        urlencode(form, doseq=True),
        content_type="application/x-www-form-urlencoded; charset=UTF-8",
        **environment,
    )


def signed(address: str, form: dict[str, str], token: str, algorithm: str | None = None) -> str:
    """Return the signature of a form posted to an address."""
    validator = RequestValidator(token)
    signature: str = validator.compute_signature(address, form, *([algorithm] if algorithm else []))
    return signature


def form_of(status: str, code: int | str | None = None, sid: str = SID, **more: str) -> Any:
    form = {
        "AccountSid": "AC0123456789",
        "ApiVersion": "2010-04-01",
        "From": "+15005550006",
        "To": "+15005550006",
        "MessageSid": sid,
        "SmsSid": sid,
        "MessageStatus": status,
        "SmsStatus": status,
        **more,
    }
    if code is not None:
        form["ErrorCode"] = str(code)
    return list(form.items())


def report(status: str, code: int | str | None = None, **options: Any) -> Any:
    return post(form_of(status, code), **options)
