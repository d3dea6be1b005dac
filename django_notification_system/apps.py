"""The app's configuration for Django."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class NotificationSystemConfig(AppConfig):
    """Registers the system checks once Django has loaded every app."""

    name = "django_notification_system"
    label = "django_notification_system"
    verbose_name = _("Notification system")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        from . import checks  # noqa: F401
