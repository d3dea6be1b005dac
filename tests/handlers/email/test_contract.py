"""The handler for email keeps what every handler must."""

import base64
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from django_notification_system.testing.contract import HandlerContract, Provider
from django_notification_system.testing.smtp import Command, SmtpStandIn
from tests.support.mail_backends import HAS_MAILERS, SETTING_OF_OPTION, SMTP

PASSWORD = "planted-password"


class TestEmail(HandlerContract):
    handler = "email"
    malformed_addresses = ("eggs@", "nobody@example.com")
    secrets = (
        PASSWORD,
        base64.b64encode(f"\0shop\0{PASSWORD}".encode()).decode(),
        base64.b64encode(PASSWORD.encode()).decode(),
    )

    @contextmanager
    def running_provider(self) -> Iterator[Provider]:
        with SmtpStandIn() as server:
            server.answer("RCPT", "550 5.1.1 No such user", recipient="nobody@example.com")
            yield Provider(
                port=server.port, received=lambda: [str(mail.text) for mail in server.received]
            )

    def settings_for(self, host: str, port: int) -> Mapping[str, Any]:
        options = {
            "host": host,
            "port": port,
            "username": "shop",
            "password": PASSWORD,
            "timeout": 3,
        }
        if HAS_MAILERS:
            return {"MAILERS": {"default": {"BACKEND": SMTP, "OPTIONS": options}}}
        named = {SETTING_OF_OPTION[name]: value for name, value in options.items()}
        return {"EMAIL_BACKEND": SMTP, **named}

    def address(self, number: int) -> str:
        return f"eggs-{number}@example.com"

    def quoting_providers(self, quote: str) -> Iterable[AbstractContextManager[Provider]]:
        return [
            _refusing(command, f"{code} {quote}")
            for command in ("CONNECT", "AUTH", "MAIL", "RCPT", "DATA", "MESSAGE")
            for code in ("451 4.3.0", "550 5.7.1")
        ]


@contextmanager
def _refusing(command: Command, reply: str) -> Iterator[Provider]:
    with SmtpStandIn() as server:
        server.answer(command, reply)
        yield Provider(port=server.port, received=list)
