"""Notifications kept in a Django project's own database and delivered when due."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .notification_creators.notify import notify as notify
    from .notification_creators.notify_addresses import notify_addresses as notify_addresses

__version__ = "2.0.0"


def __getattr__(name: str) -> Any:
    """Import on first use: models cannot be imported while Django still loads its apps."""
    if name == "notify":
        from .notification_creators.notify import notify

        return notify
    if name == "notify_addresses":
        from .notification_creators.notify_addresses import notify_addresses

        return notify_addresses
    if name == "Config":
        # INSTALLED_APPS = ["django_notification_system.Config"] was the only spelling of release
        # 1.5.3 accepted by Django 4.1 and later; such projects must still start.
        from .apps import NotificationSystemConfig

        return NotificationSystemConfig
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
