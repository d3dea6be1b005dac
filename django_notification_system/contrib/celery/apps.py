"""The Django app in which Celery finds the tasks."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CeleryDeliveryConfig(AppConfig):
    """Lets ``autodiscover_tasks()`` find the tasks; the app has no models."""

    name = "django_notification_system.contrib.celery"
    label = "django_notification_system_celery"
    verbose_name = _("Delivery by Celery")
