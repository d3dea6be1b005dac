"""The FCM target's description, without Google's library."""

from collections.abc import Iterator

from django.core.checks import CheckMessage
from django.utils import translation

from ...conf import TARGETS, target_values
from ...draft import Draft
from ...exceptions import InvalidNotification
from ...models import Notification
from ..checks import check_client, error
from ..preview import Preview, shown_part
from .address import is_token
from .message import message_of
from .service_account import WrongCredentials, read_service_account
from .settings import KEY, fcm_settings


def check() -> Iterator[CheckMessage]:
    """Yield faults of the settings beyond the rules of single settings."""
    if target_values(KEY) is None:
        return
    name = f"{TARGETS}[{KEY!r}]"
    with translation.override(None):  # checks are English
        try:
            read_service_account(fcm_settings())
        except WrongCredentials as fault:
            yield error(23, f"{name} {fault}")
    yield from check_client(name, "google.auth", "fcm")


def destination() -> str:
    """Return where push messages go.

    Raises:
        TargetUnavailable: When a setting is wrong.
    """
    settings = fcm_settings()
    try:
        project = read_service_account(settings).project_id
    except WrongCredentials:
        return settings.base_url
    return f"{settings.base_url}, project {project}"


def validate(draft: Draft) -> None:
    """Refuse a push message that FCM would refuse; see ``DescribesItself.validate()``.

    Raises:
        InvalidNotification: When a key of ``extra`` is wrong, or the message is too long.
    """
    message_of(draft.title, draft.body, draft.extra)


def fault_of_address(address: str) -> str:
    """Return why an address is no registration token, or an empty text.

    Args:
        address: The address.
    """
    if is_token(address):
        return ""
    return "is no registration token. Give one as the app gets it from Firebase."


def preview(notification: Notification, *, may_render: bool, with_text: bool) -> Preview:
    """Return a push message as shown by a device; see ``DescribesItself.preview()``."""
    extra = notification.extra if isinstance(notification.extra, dict) else {}
    problem = ""
    try:
        message_of(notification.title, notification.body, extra)
    except InvalidNotification as refused:
        problem = str(refused)
    text, notes = shown_part(notification.body)
    return Preview("push", problem=problem, notes=notes, text=text, title=notification.title)
