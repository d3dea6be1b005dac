"""The Django app for browsers that subscribe."""

from importlib.util import find_spec
from typing import Any

from django.apps import AppConfig
from django.apps import apps as installed
from django.core.exceptions import ImproperlyConfigured
from django.db import router
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _

CORE = "django_notification_system"


class WebpushConfig(AppConfig):
    """Makes the target's row after each ``migrate``."""

    name = "django_notification_system.contrib.webpush"
    label = "django_notification_system_webpush"
    verbose_name = _("Push messages to browsers")

    def ready(self) -> None:
        """Wait for the tables.

        Raises:
            ImproperlyConfigured: When the extra is not installed.
        """
        if find_spec("pywebpush") is None:
            raise ImproperlyConfigured(
                f"{self.name} is in INSTALLED_APPS and needs pywebpush: pip install"
                " 'django-notification-system[webpush]'"
            )
        from . import checks  # noqa: F401

        # Django tells only apps with models, so that this app listens for the core's tables.
        post_migrate.connect(
            make_target,
            sender=installed.get_app_config(CORE),
            dispatch_uid=f"{self.label}.make_target",
        )


def make_target(using: str, apps: Any = installed, **kwargs: Any) -> None:
    """Make the target's row, unless there is one, or another target has the name.

    Args:
        using: The alias of the migrated database.
        apps: The models as the migrations leave them: perhaps without tables, or without columns
            of later migrations.
        kwargs: Further arguments of the signal.
    """
    # Here: an app's own module must not import models.
    from ...notification_handlers.webpush import TARGET_NAME

    module_name = "webpush"
    if not installed.is_installed(WebpushConfig.name):
        return  # any more: a project's tests change INSTALLED_APPS
    if not router.allow_migrate(using, CORE, model_name="notificationtarget"):
        return
    try:
        rows = apps.get_model(CORE, "NotificationTarget").objects.using(using)
    except LookupError:
        return  # all migrations were undone
    if rows.filter(notification_module_name=module_name).exists():
        return
    rows.get_or_create(name=TARGET_NAME, defaults={"notification_module_name": module_name})
