"""The system check of the webhooks that receive reports."""

from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage

from ...documentation import explained


@checks.register(checks.Tags.security)
def check_webhook_secret(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Warn where anybody may report.

    Providers with signed reports need the secret too: ``anymail.urls`` serves the webhooks of all
    providers, and a report to any webhook names a message by nothing but its id.

    Args:
        app_configs: Ignored, like the following: the check reads settings.
        kwargs: Further arguments of Django's.

    Returns:
        A warning, or nothing.
    """
    # Django keeps a registered check, although tests install an app for a while only.
    if not apps.is_installed("django_notification_system.contrib.anymail"):
        return []
    of_anymail = getattr(settings, "ANYMAIL", None)
    secret = of_anymail.get("WEBHOOK_SECRET") if isinstance(of_anymail, Mapping) else None
    if secret or getattr(settings, "ANYMAIL_WEBHOOK_SECRET", None):
        return []
    message = checks.Warning(
        "ANYMAIL['WEBHOOK_SECRET'] is not set: whoever knows a message's name can report a"
        " bounce, and have the address switched off.",
        hint="Set it to a long random text, such as 'name:password', and put that into the"
        " webhook's address at your provider: https://name:password@www.example.com/anymail/…",
        id="django_notification_system_anymail.W001",
    )
    return [explained(message)]
