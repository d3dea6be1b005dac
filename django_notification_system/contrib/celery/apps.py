"""The Django app whose tasks Celery finds."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CeleryDeliveryConfig(AppConfig):
    """Lets ``autodiscover_tasks()`` find the tasks; it has no models."""

    name = "django_notification_system.contrib.celery"
    label = "django_notification_system_celery"
    verbose_name = _("Delivery by Celery")
