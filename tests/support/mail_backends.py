"""Pointing Django at a mail server or a backend, and a backend of a third party."""

import threading
from collections.abc import Sequence
from typing import Any

from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.core.mail.backends import smtp
from django.core.mail.backends.base import BaseEmailBackend

SMTP = "django.core.mail.backends.smtp.EmailBackend"
HAS_MAILERS = hasattr(mail, "mailers")
SETTING_OF_OPTION = {
    "host": "EMAIL_HOST",
    "port": "EMAIL_PORT",
    "username": "EMAIL_HOST_USER",
    "password": "EMAIL_HOST_PASSWORD",
    "timeout": "EMAIL_TIMEOUT",
    "use_tls": "EMAIL_USE_TLS",
    "use_ssl": "EMAIL_USE_SSL",
    "file_path": "EMAIL_FILE_PATH",
}


def use_backend(settings: Any, backend: str = SMTP, **options: Any) -> None:
    """Point Django's mail settings, ``MAILERS`` where Django has the setting, at a backend."""
    if HAS_MAILERS:
        settings.MAILERS = {"default": {"BACKEND": backend, "OPTIONS": options}}
    else:
        use_email_settings(settings, backend, **options)


def use_email_settings(settings: Any, backend: str = SMTP, **options: Any) -> None:
    """Do the same with the ``EMAIL_`` settings, known to every Django up to 6.x."""
    if HAS_MAILERS:
        del settings.MAILERS
    settings.EMAIL_BACKEND = backend
    for name, value in {"timeout": None, **options}.items():
        setattr(settings, SETTING_OF_OPTION[name], value)


class QuietSmtp(smtp.EmailBackend):
    """A backend that loses its messages, and says so by the number returned."""

    def _send(self, email_message: EmailMultiAlternatives) -> bool:
        return False


class ThirdParty(BaseEmailBackend):
    """Another package's backend, which sends by other means than SMTP."""

    lock = threading.Lock()
    sent: list[EmailMultiAlternatives] = []
    threads: set[str] = set()
    opened = 0
    closed = 0
    returns: Any = 1
    raises: Exception | None = None

    @classmethod
    def reset(cls) -> None:
        cls.sent, cls.threads, cls.opened, cls.closed = [], set(), 0, 0
        cls.returns, cls.raises = 1, None

    def open(self) -> None:
        with self.lock:
            type(self).opened += 1

    def close(self) -> None:
        with self.lock:
            type(self).closed += 1

    def send_messages(self, messages: Sequence[EmailMultiAlternatives]) -> Any:
        if self.raises is not None:
            raise self.raises
        with self.lock:
            self.threads.add(threading.current_thread().name)
            self.sent.extend(messages)
        return self.returns
