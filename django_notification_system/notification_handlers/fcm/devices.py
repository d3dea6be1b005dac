"""Devices that an app registers, each with the moment at which it was last seen."""

from typing import Any

from django.utils import timezone

from ...exceptions import InvalidNotification
from ...models import NotificationTarget, TargetUserRecord
from ...subscriptions import DESCRIPTION, SEEN_AT, subscribe
from .address import TOKEN_IN_DETAILS, is_token


def register_device(
    user: Any,
    target: NotificationTarget,
    token: str,
    *,
    description: str = DESCRIPTION,
    using: str | None = None,
) -> TargetUserRecord:
    """Make a user's record of a device, or renew the record; note that the device was seen now.

    Call this at each start of the app. The command ``purge_devices`` removes devices that were not
    seen for long. Source: https://firebase.google.com/docs/cloud-messaging/manage-tokens

    Args:
        user: The user; saved. Another user's record of the device is switched off.
        target: The target.
        token: The device's registration token, as the app sent it.
        description: A note for people about the device.
        using: The database's alias; by default the router's choice for writing.

    Returns:
        The record.

    Raises:
        InvalidNotification: When the token cannot be a registration token, or a database could not
            store the description.
    """
    if not isinstance(token, str) or not is_token(token):
        raise InvalidNotification(
            "The registration token must be one word: send what Firebase's library gives the app.",
            argument="token",
        )
    seen_at = timezone.now().timestamp()
    details = {TOKEN_IN_DETAILS: token, SEEN_AT: int(seen_at)}
    return subscribe(user, target, token, details, description=description, using=using)
