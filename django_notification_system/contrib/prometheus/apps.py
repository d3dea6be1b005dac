"""The Django app for Prometheus's metrics."""

from importlib.util import find_spec

from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _


class PrometheusConfig(AppConfig):
    """Counts the deliveries of this process."""

    name = "django_notification_system.contrib.prometheus"
    label = "django_notification_system_prometheus"
    verbose_name = _("Metrics of notifications")

    def ready(self) -> None:
        """Count from now on.

        Raises:
            ImproperlyConfigured: When prometheus_client is not installed.
        """
        if find_spec("prometheus_client") is None:
            raise ImproperlyConfigured(
                f"{self.name} is in INSTALLED_APPS and needs prometheus_client: pip install"
                " 'django-notification-system[prometheus]'"
            )
        from . import checks, counting  # noqa: F401

        counting.begin()
