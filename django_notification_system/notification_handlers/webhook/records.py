"""The records of receivers: made with a secret, whose rotation takes two steps.

The receiver checks signatures by any of its secrets. So a rotation adds a secret, the receiver
takes it over, and then the old secrets are retired: no webhook is refused meanwhile.
"""

from typing import Any

from django.db import router, transaction
from django.utils.translation import gettext as _

from ...exceptions import NotificationSystemError
from ...models import Notification, NotificationTarget, TargetUserRecord
from ...models.details import Details, short_address
from ...models.locking import begin_with_a_write, locked
from .endpoint import MOST_SECRETS, UnusableEndpoint, checked_url, make_secret
from .settings import KEY, webhook_settings

DESCRIPTION = "Webhook"
LONGEST_DESCRIPTION: int = TargetUserRecord._meta.get_field("description").max_length or 0


class NoSuchWebhook(NotificationSystemError):
    """No record, or more than one, has the address."""


def add_webhook(
    user: Any,
    url: str,
    *,
    target: NotificationTarget | None = None,
    description: str = DESCRIPTION,
    using: str | None = None,
) -> tuple[TargetUserRecord, str]:
    """Make a user's record of a receiver, with a secret.

    Args:
        user: The user; saved.
        url: The receiver's URL.
        target: The target; by default the only one whose handler is ``webhook``.
        description: A note for people about the receiver; a long note is cut.
        using: The database's alias; by default the router's choice for writing.

    Returns:
        The record, and its secret, which the receiver needs. Show it once.

    Raises:
        UnusableEndpoint: When the URL is none, or may not be called.
        NoSuchWebhook: When there is no target, or more than one; or the user has the receiver
            already.
        TargetUnavailable: When a setting of the target is wrong.
    """
    using = using or router.db_for_write(TargetUserRecord)
    parts = checked_url(url, allow_private=webhook_settings().allow_private)
    target = target or _only_target(using)
    secret = make_secret()
    record, is_new = TargetUserRecord.objects.using(using).get_or_create(
        user=user,
        target=target,
        target_user_id=short_address(parts.geturl()),
        defaults={
            "details": Details(url=parts.geturl(), secrets=[secret]),
            "description": " ".join(description.split())[:LONGEST_DESCRIPTION] or DESCRIPTION,
        },
    )
    if not is_new:
        raise NoSuchWebhook(
            _("The user has a record of this URL already. Rotate its secret, or delete the record.")
        )
    return record, secret


def rotate_secret(address: str, *, user: Any = None, using: str | None = None) -> str:
    """Add a new secret to a receiver's record; the present secrets go on signing.

    Args:
        address: The receiver's URL, or the record's address.
        user: The record's user, where several have the address.
        using: The database's alias; by default the router's choice for writing.

    Returns:
        The new secret, which the receiver needs. Show it once.

    Raises:
        NoSuchWebhook: When no record, or more than one, has the address.
        UnusableEndpoint: When the record has as many secrets as there may be.
    """
    secret = make_secret()

    def with_one_more(secrets: list[str]) -> list[str]:
        if len(secrets) >= MOST_SECRETS:
            raise UnusableEndpoint(
                _("The record has %s secrets. Retire the old ones first.") % len(secrets)
            )
        return [secret, *secrets]

    _change(address, with_one_more, user=user, using=using)
    return secret


def retire_secrets(address: str, *, user: Any = None, using: str | None = None) -> int:
    """Take all secrets but the newest from a receiver's record.

    Args:
        address: The receiver's URL, or the record's address.
        user: The record's user, where several have the address.
        using: The database's alias; by default the router's choice for writing.

    Returns:
        How many secrets were retired.

    Raises:
        NoSuchWebhook: When no record, or more than one, has the address.
    """
    before = _change(address, lambda secrets: secrets[:1], user=user, using=using)
    return max(len(before) - 1, 0)


def _change(address: str, change: Any, *, user: Any, using: str | None) -> list[str]:
    """Change a record's secrets, and return them as they were."""
    using = using or router.db_for_write(TargetUserRecord)
    found = TargetUserRecord.objects.using(using).filter(
        target__notification_module_name=KEY, target_user_id=_short(address)
    )
    if user is not None:
        found = found.filter(user=user)
    with transaction.atomic(using=using):
        begin_with_a_write(Notification._base_manager.using(using))
        keys = list(found.values_list("pk", flat=True)[:2])
        # The rows alone: a lock through the join would hold the target's row.
        records = list(locked(TargetUserRecord.objects.using(using).filter(pk__in=keys)))
        if len(records) != 1:
            raise NoSuchWebhook(
                _("More than one user has a record of this address. Name the user.")
                if records
                else _("No webhook's record has this address.")
            )
        [record] = records
        details = record.details if isinstance(record.details, dict) else {}
        given = details.get("secrets")
        secrets = list(given) if isinstance(given, list) else []
        record.details = Details({**details, "secrets": change(secrets)})
        record.save(using=using, update_fields=["details", "modified_date"])
    return secrets


def _short(address: str) -> str:
    """Return the short address of a URL as ``add_webhook()`` stores the URL, or of a record's."""
    try:
        return short_address(checked_url(address, allow_private=True).geturl())
    except UnusableEndpoint:
        return short_address(address)


def _only_target(using: str) -> NotificationTarget:
    targets = list(NotificationTarget.objects.using(using).filter(notification_module_name=KEY)[:2])
    if len(targets) == 1:
        return targets[0]
    raise NoSuchWebhook(
        _("More than one target has the handler webhook. Name the target.")
        if targets
        else _("There is no target for webhooks yet. Make one: manage.py add_target webhook")
    )
