"""The app's configuration for Django."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class NotificationSystemConfig(AppConfig):
    """Registers the system checks, and connects the engine to the models."""

    name = "django_notification_system"
    label = "django_notification_system"
    verbose_name = _("Notification system")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register checks and the project's categories, and connect the engine to the models."""
        from . import checks, checks_of_types  # noqa: F401
        from .delivery.handover.on_commit import hand_over_on_commit
        from .observing.delivery_log import delivery_log
        from .observing.observers import add_observer
        from .preferences.restoring import restore_after_opt_outs
        from .signals import notifications_created, opt_outs_lifted

        opt_outs_lifted.connect(restore_after_opt_outs)
        notifications_created.connect(hand_over_on_commit)
        add_observer(delivery_log)
        # In every process: a task engine's worker delivers, and knows the categories too.
        autodiscover_modules("notification_types")
