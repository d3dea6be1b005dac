"""``python -m django_notification_system.testing``: accept messages and show them."""

import argparse
import base64
import json
import secrets
import sys
import threading
from contextlib import ExitStack
from email.message import EmailMessage
from typing import Any

import django

from .providers import ProviderStandIn

SETTINGS = """\
Taking messages; Ctrl-C ends it. In the settings of your project:

{mail}
NOTIFICATION_SYSTEM_TARGETS = {{
    "twilio_sms": {{
        "base_url": "{providers.url}",
        "account_sid": "AC0",
        "auth_token": "any",
        "sender": "+15005550006",
    }},
    "expo": {{"base_url": "{providers.url}"}},
    "apprise": {{"urls": {{"ops": "{apprise_url}"}}, "schemas": ["json"]}},
    "webpush": {{
        "stand_in_url": "{providers.url}",
        "vapid_private_key": "{private_key}",
        "subject": "mailto:admin@example.com",
    }},
{fcm}}}
"""
FCM = """\
    "fcm": {{"base_url": "{url}", "credentials": {credentials}}},
"""
#: Django 6.1 has one setting for mail, and new projects must not use the old settings.
EMAIL_SETTINGS = """\
EMAIL_HOST = "{smtp.host}"
EMAIL_PORT = {smtp.port}"""
MAILERS_SETTING = """\
MAILERS = {{
    "default": {{
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {{"host": "{smtp.host}", "port": {smtp.port}}},
    }},
}}"""


def main() -> int:
    """Run both stand-ins until Ctrl-C; return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m django_notification_system.testing",
        description="Take email, text messages, push notifications and Apprise's messages on this"
        " machine, send none, and print each.",
    )
    parser.add_argument("--smtp-port", type=int, default=1025, metavar="PORT")
    parser.add_argument("--http-port", type=int, default=8025, metavar="PORT")
    options = parser.parse_args()
    try:
        # Here: the extra may be missing.
        from .smtp import SmtpStandIn
    except ImportError as error:
        print(error, file=sys.stderr)
        return 1
    with ExitStack() as stack:
        try:
            providers = stack.enter_context(ProviderStandIn(options.http_port, _show))
            smtp = stack.enter_context(SmtpStandIn(options.smtp_port, on_message=_show_email))
        except OSError as error:
            print(f"{error}. Choose others: --smtp-port, --http-port.", file=sys.stderr)
            return 1
        mail = MAILERS_SETTING if django.VERSION >= (6, 1) else EMAIL_SETTINGS
        providers.access_tokens.for_any_key = True
        _show(
            SETTINGS.format(
                mail=mail.format(smtp=smtp),
                providers=providers,
                apprise_url=providers.apprise_url(),
                private_key=_private_key(),
                fcm=_fcm(providers),
            )
        )
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return 0
    return 0


def _fcm(providers: ProviderStandIn) -> str:
    """Return the settings of FCM; empty where nothing is installed that makes a key."""
    try:
        credentials = json.dumps(providers.service_account())
    except ImportError:
        return ""
    return FCM.format(url=providers.url, credentials=credentials)


def _private_key() -> str:
    """Return a key for Web Push: a number below the order of P-256, as nearly all numbers are."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")


def _show(message: Any) -> None:
    # In one write: print() writes the line's end apart, and other threads show messages too.
    sys.stdout.write(f"{message}\n")
    sys.stdout.flush()


def _show_email(message: EmailMessage) -> None:
    body = message.get_body(("plain", "html"))
    text = body.get_content().strip() if body is not None else ""
    _show(f"Email: {message['To']} - {message['Subject']} - {text}")


if __name__ == "__main__":
    sys.exit(main())
