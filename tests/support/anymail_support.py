"""A project with the real django-anymail and Postmark: what Postmark takes, and what it reports."""

import base64
import http.server
import json
import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as project_settings
from django.test import Client, override_settings

from django_notification_system.models import Notification, TargetUserRecord
from tests.conftest import MakeDue
from tests.support.documentation import run_example
from tests.support.email_support import EGGS, SENT, after_run
from tests.support.mail_backends import use_backend

#: As the documentation names them.
APPS = run_example("anymail_settings.py")["INSTALLED_APPS"][-2:]
SECRET = "hook:planted-webhook-secret"
TOKEN = "planted-server-token"


class Postmark(http.server.BaseHTTPRequestHandler):
    """Postmark's API for sending, as far as Anymail uses it."""

    asked: list[dict[str, str]] = []
    says = "OK"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        message_id = str(uuid.uuid4())
        to = json.loads(body)["To"]
        self.asked.append(
            {"MessageID": message_id, "token": self.headers["X-Postmark-Server-Token"]}
        )
        answer = {
            "To": to,
            "SubmittedAt": "2026-11-24T08:00:00.0Z",
            "MessageID": message_id,
            "ErrorCode": 0,
            "Message": self.says,
        }
        content = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments: Any) -> None: ...


@pytest.fixture(autouse=True)
def installed(settings: Any) -> Iterator[None]:
    """The project has Anymail, and sends through Postmark."""
    Postmark.asked, Postmark.says = [], "OK"
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Postmark) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        settings.ANYMAIL = {
            "WEBHOOK_SECRET": SECRET,
            "POSTMARK_SERVER_TOKEN": TOKEN,
            "POSTMARK_API_URL": f"http://127.0.0.1:{server.server_port}/",
        }
        use_backend(settings, "anymail.backends.postmark.EmailBackend")
        with override_settings(INSTALLED_APPS=[*project_settings.INSTALLED_APPS, *APPS]):
            yield
        server.shutdown()
        thread.join()


@pytest.fixture
def sent(email: TargetUserRecord, make_due: MakeDue) -> Notification:
    """A notification that Postmark has taken."""
    notification = after_run(make_due(email, extra={"cc": ["Ham <ham@example.com>"]}))
    assert notification.response == SENT
    return notification


def post(esp: str, event: Any, secret: str = SECRET, *, kind: str = "tracking") -> int:
    """Post a provider's event as the provider does, and return the answer's status."""
    response = Client(raise_request_exception=False).post(
        f"/anymail/{esp}/{kind}/",
        data=json.dumps(event),
        content_type="application/json",
        HTTP_AUTHORIZATION="Basic " + base64.b64encode(secret.encode()).decode(),
    )
    return response.status_code


def delivery(notification: Notification, **values: Any) -> dict[str, Any]:
    return {
        "RecordType": "Delivery",
        "MessageID": notification.provider_message_id,
        "Recipient": EGGS,
        "DeliveredAt": "2026-11-24T08:00:01Z",
        "Details": "Test delivery webhook details",
        **values,
    }


def bounce(notification: Notification, **values: Any) -> dict[str, Any]:
    return {
        "RecordType": "Bounce",
        "ID": 4323372036854775807,
        "Type": "HardBounce",
        "TypeCode": 1,
        "MessageID": notification.provider_message_id,
        "Details": "smtp;550 5.1.1 The email account that you tried to reach does not exist.",
        "Email": EGGS,
        "BouncedAt": "2026-11-24T08:00:02Z",
        "Inactive": True,
        **values,
    }


def complaint(notification: Notification) -> dict[str, Any]:
    return bounce(notification, RecordType="SpamComplaint", Type="SpamComplaint", Details="")


def opened(notification: Notification) -> dict[str, Any]:
    return {
        "RecordType": "Open",
        "MessageID": notification.provider_message_id,
        "Recipient": EGGS,
        "ReceivedAt": "2026-11-24T08:00:03Z",
    }


def unsubscribed(notification: Notification) -> dict[str, Any]:
    return {
        "RecordType": "SubscriptionChange",
        "MessageID": notification.provider_message_id,
        "Recipient": EGGS,
        "ChangedAt": "2026-11-24T08:00:04Z",
        "SuppressSending": True,
        "SuppressionReason": "ManualSuppression",
    }
