"""Shared by the tests of the Apprise handler."""

from typing import Any

from django_notification_system.testing.providers import ProviderStandIn

PASSWORD = "planted-password"
PATH = "planted-path-417"


def configure(settings: Any, **changes: Any) -> None:
    """Change the target's settings; the schema of the stand-in is allowed."""
    targets = getattr(settings, "NOTIFICATION_SYSTEM_TARGETS", {})
    values = {"schemas": ["json"], "timeout": 20, **targets.get("apprise", {}), **changes}
    settings.NOTIFICATION_SYSTEM_TARGETS = {**targets, "apprise": values}


def url_of(stand_in: ProviderStandIn) -> str:
    """Return the stand-in's URL as Apprise writes it."""
    return f"json://egg:{PASSWORD}@127.0.0.1:{stand_in.port}/{PATH}/"
