"""The system check of the views for browsers."""

from typing import Any

from django.apps import apps
from django.core import checks
from django.core.checks import CheckMessage
from django.urls import NoReverseMatch, reverse

from ...documentation import explained


@checks.register(checks.Tags.urls)
def check_urls(app_configs: Any = None, **kwargs: Any) -> list[CheckMessage]:
    """Warn where the views are not among the URLs: the button's page would end in an error.

    Args:
        app_configs: Ignored, like the following: the check reads the URLs.
        kwargs: Further arguments of Django's.

    Returns:
        A warning, or nothing.
    """
    # Django keeps a registered check, although tests install an app for a while only.
    if not apps.is_installed("django_notification_system.contrib.webpush"):
        return []
    try:
        reverse("django_notification_system_webpush:subscription")
    except NoReverseMatch:
        message = checks.Warning(
            "The views for browsers are not among the URLs, so no browser can subscribe, and a page"
            " with webpush_button fails.",
            hint='Add path("push/", include("django_notification_system.contrib.webpush.urls")) to'
            " your urlpatterns.",
            id="django_notification_system_webpush.W001",
        )
        return [explained(message)]
    return []
