"""The webhook target's description, without the library for signing."""

import json
from collections.abc import Iterator

from django.core.checks import CheckMessage
from django.utils.translation import gettext as _

from ...conf import TARGETS, target_values
from ...draft import Draft
from ...exceptions import InvalidNotification
from ...models import Notification
from ...models.details import is_short_address
from ..checks import check_client
from ..preview import Preview, shown_part
from .message import WrongExtra, body_of, check_extra
from .settings import KEY, webhook_settings


def check() -> Iterator[CheckMessage]:
    """Yield faults of the settings beyond the rules of single settings."""
    if target_values(KEY) is not None:
        yield from check_client(f"{TARGETS}[{KEY!r}]", "standardwebhooks", "webhook")


def destination() -> str:
    """Return where webhooks go.

    Raises:
        TargetUnavailable: When a setting is wrong.
    """
    if webhook_settings().allow_private:
        return _("each record's own URL, in private networks too")
    return _("each record's own URL")


def validate(draft: Draft) -> None:
    """Refuse a notification that no webhook can be made of; see ``DescribesItself.validate()``.

    Raises:
        InvalidNotification: When a key of ``extra`` is wrong.
    """
    try:
        check_extra(draft.extra)
    except WrongExtra as fault:
        raise InvalidNotification(str(fault), argument="extra") from fault


def fault_of_address(address: str) -> str:
    """Return why an address is none of a webhook's record, or an empty text.

    Args:
        address: The address.
    """
    if is_short_address(address):
        return ""
    return (
        "is no address of a webhook's record, which begins with sha256:. Make a record by manage.py"
        " webhook_secret, which prints the address."
    )


def preview(notification: Notification, *, may_render: bool, with_text: bool) -> Preview:
    """Return the body of a webhook, laid out for people; see ``DescribesItself.preview()``."""
    try:
        content = json.loads(body_of(notification))
    except WrongExtra as fault:
        return Preview("message", problem=str(fault))
    text, notes = shown_part(json.dumps(content, indent=2, ensure_ascii=False))
    return Preview("message", notes=notes, text=text)
