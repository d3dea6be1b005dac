"""The body of a webhook: what happened, in the form of Standard Webhooks.

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md,
"Payload structure".
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.utils import timezone

from ...models import Notification
from ...storable import DEEPEST_NESTING

#: The type of a webhook without ``extra["type"]`` and category.
TYPE = "notification"
#: The specification: a full-stop delimited type, of letters, digits, underscores and full stops;
#: keys of categories have hyphens, too.
TYPE_FORM = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*", re.ASCII)
LONGEST_TYPE = 200


class WrongExtra(ValueError):
    """A key of ``extra`` that no webhook can be made of."""


def check_extra(extra: Mapping[str, Any]) -> None:
    """Refuse an ``extra`` that no webhook can be made of.

    Args:
        extra: The notification's ``extra``.

    Raises:
        WrongExtra: With the key and the next step.
    """
    kind = extra.get("type")
    if kind is not None and not (
        isinstance(kind, str) and len(kind) <= LONGEST_TYPE and TYPE_FORM.fullmatch(kind)
    ):
        raise WrongExtra(
            'extra["type"] must be words with full stops between them, such as "invoice.paid".'
        )
    data = extra.get("data")
    if data is not None and not isinstance(data, dict):
        raise WrongExtra(f'extra["data"] must be a dict, not {type(data).__name__}.')


def body_of(notification: Notification) -> bytes:
    """Return the body, the same in every attempt.

    Args:
        notification: The notification.

    Raises:
        WrongExtra: When ``extra`` is wrong.
    """
    extra = notification.extra if isinstance(notification.extra, dict) else {}
    check_extra(extra)
    data = extra.get("data")
    if data is None:
        data = {"title": notification.title, "body": notification.body}
    content = {
        "type": extra.get("type") or notification.category or TYPE,
        "timestamp": _moment(notification.created_date or timezone.now()),
        "data": data,
    }
    try:
        return json.dumps(content, separators=(",", ":"), allow_nan=False).encode()
    except (ValueError, TypeError, RecursionError):  # the errors quote values
        raise WrongExtra(
            'extra["data"] cannot be written as JSON: it has a value that JSON does not have, or is'
            f" nested more than {DEEPEST_NESTING} levels deep."
        ) from None


def _moment(moment: datetime) -> str:
    if timezone.is_naive(moment):
        moment = timezone.make_aware(moment)
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
