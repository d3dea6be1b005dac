"""The Expo target's description, without Expo's client."""

from collections.abc import Iterator

from django.core.checks import CheckMessage

from ...conf import TARGETS, target_values
from ...models import Notification
from ..checks import check_client
from ..preview import Preview, shown_part
from .settings import KEY, expo_settings


def check() -> Iterator[CheckMessage]:
    """Yield faults of the settings beyond the rules of single settings."""
    if target_values(KEY) is not None:
        yield from check_client(f"{TARGETS}[{KEY!r}]", "exponent_server_sdk", "expo")


def destination() -> str:
    """Return where push messages go.

    Raises:
        TargetUnavailable: When a setting is wrong.
    """
    return expo_settings().base_url


def preview(notification: Notification, *, may_render: bool, with_text: bool) -> Preview:
    """Return a push message as shown by a device; see ``DescribesItself.preview()``."""
    extra = notification.extra if isinstance(notification.extra, dict) else {}
    subtitle = extra.get("subtitle")
    text, notes = shown_part(notification.body)
    return Preview(
        "push",
        notes=notes,
        text=text,
        title=notification.title,
        subtitle=subtitle if isinstance(subtitle, str) else "",
    )
