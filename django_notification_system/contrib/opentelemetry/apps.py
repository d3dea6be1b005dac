"""The Django app for traces of deliveries."""

from importlib.util import find_spec

from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _


class OpenTelemetryConfig(AppConfig):
    """Traces the deliveries of this process."""

    name = "django_notification_system.contrib.opentelemetry"
    label = "django_notification_system_opentelemetry"
    verbose_name = _("Traces of notifications")

    def ready(self) -> None:
        """Trace from now on.

        Raises:
            ImproperlyConfigured: When OpenTelemetry's API is not installed.
        """
        if find_spec("opentelemetry") is None:
            raise ImproperlyConfigured(
                f"{self.name} is in INSTALLED_APPS and needs opentelemetry-api: pip install"
                " 'django-notification-system[opentelemetry]'"
            )
        from . import tracing

        tracing.begin()
