"""Notifications kept in a Django project's own database and delivered when due."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .notification_creators.in_coroutines import anotify as anotify
    from .notification_creators.in_coroutines import anotify_addresses as anotify_addresses
    from .notification_creators.notify import notify as notify
    from .notification_creators.notify_addresses import notify_addresses as notify_addresses
    from .operations.by_key import cancel as cancel
    from .operations.by_key import reschedule as reschedule
    from .operations.erase_person import erase_person_data as erase_person_data
    from .operations.export_person import export_person_data as export_person_data

__version__ = "2.0.0"

#: The module of each function that a project imports from this package.
FUNCTIONS = {
    "notify": "notification_creators.notify",
    "notify_addresses": "notification_creators.notify_addresses",
    "anotify": "notification_creators.in_coroutines",
    "anotify_addresses": "notification_creators.in_coroutines",
    "cancel": "operations.by_key",
    "reschedule": "operations.by_key",
    "erase_person_data": "operations.erase_person",
    "export_person_data": "operations.export_person",
}


def __getattr__(name: str) -> Any:
    """Import on first use: models cannot be imported while Django still loads its apps."""
    if name in FUNCTIONS:
        return getattr(import_module(f"{__name__}.{FUNCTIONS[name]}"), name)
    if name == "Config":
        # INSTALLED_APPS = ["django_notification_system.Config"] was the only spelling of release
        # 1.5.3 accepted by Django 4.1 and later; such projects must still start.
        from .apps import NotificationSystemConfig

        return NotificationSystemConfig
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
