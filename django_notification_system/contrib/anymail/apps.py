"""The Django app of the integration with django-anymail."""

from importlib.util import find_spec

from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _


class AnymailTrackingConfig(AppConfig):
    """Connects receivers to django-anymail's signals ``tracking`` and ``inbound``."""

    name = "django_notification_system.contrib.anymail"
    label = "django_notification_system_anymail"
    verbose_name = _("Reports of mail providers")

    def ready(self) -> None:
        """Listen from now on.

        Raises:
            ImproperlyConfigured: When django-anymail is not installed.
        """
        if find_spec("anymail") is None:
            raise ImproperlyConfigured(
                f"{self.name} is in INSTALLED_APPS and needs django-anymail: pip install"
                " 'django-notification-system[anymail]'"
            )
        from . import checks, tracking, unsubscribing  # noqa: F401

        tracking.connect()
        unsubscribing.connect()
