"""The settings on the page about faster email name a backend that sends."""

from typing import Any

import pytest
from django.core.mail import EmailMessage

from django_notification_system.conf import settings_from
from django_notification_system.notification_handlers.email.settings import EmailSettings
from tests.support.documentation import run_example
from tests.support.mail_backends import HAS_MAILERS, SETTING_OF_OPTION, use_backend
from tests.support.scripted_smtp import ScriptedSmtp


@pytest.mark.parametrize("example", ["pipelining_settings.py", "pipelining_mailers.py"])
def test_settings_for_pipelining_send_in_two_round_trips(example: str, settings: Any) -> None:
    shown = run_example(example)
    if "MAILERS" in shown:
        mailer = shown["MAILERS"]["default"]
        backend, options = mailer["BACKEND"], mailer["OPTIONS"]
    else:
        names = {setting: option for option, setting in SETTING_OF_OPTION.items()}
        backend = shown["EMAIL_BACKEND"]
        options = {names[name]: shown[name] for name in shown if name in names}
    assert options == {"host": "smtp.example.com", "port": 587, "use_tls": True}
    with ScriptedSmtp() as server:
        use_backend(settings, backend, host=server.host, port=server.port, timeout=20)
        message = EmailMessage("Breakfast", "is ready", "spam@example.com", ["eggs@example.com"])
        if HAS_MAILERS:
            from django.core.mail import mailers

            assert mailers.default.send_messages([message]) == 1
        else:
            assert message.send() == 1
    assert len(server.reads) == 2


def test_the_setting_that_turns_pipelining_off_is_one_that_the_target_knows() -> None:
    values = run_example("pipelining_off_settings.py")["NOTIFICATION_SYSTEM_TARGETS"]["email"]
    assert settings_from(EmailSettings, values) == EmailSettings(pipelining=False)
