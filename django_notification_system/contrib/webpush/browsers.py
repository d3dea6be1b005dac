"""A user's browsers: subscribed, renewed, ended, and never more than twenty."""

from typing import Any

from django.db import router

from ...models import NotificationTarget, TargetUserRecord
from ...notification_handlers.deadlines import is_no_name
from ...notification_handlers.webpush.settings import webpush_settings
from ...notification_handlers.webpush.subscription import UnusableSubscription, subscription_from
from ...operations.add_target import add_target
from ...operations.purge_records import delete_unused
from ...subscriptions import end_subscription, short_address, subscribe

#: How many browsers a user has at the most; of more, the newest stay.
MOST_BROWSERS = 20
#: How long a subscription waits for the resolver; without an answer the host counts as real.
LOOK_UP_SECONDS = 2.0
#: Why a record is off where the push service dropped the browser's former subscription.
DROPPED = ("refused", "bounce")


class NotReplaced(Exception):
    """The subscription to be replaced is not the user's."""


def add_browser(user: Any, said: Any, *, replaces: str = "") -> TargetUserRecord:
    """Take a browser's subscription, new or renewed.

    Args:
        user: The user, logged in.
        said: What ``PushSubscription.toJSON()`` returned, of any type.
        replaces: The address of the browser's former subscription, where the browser changed the
            subscription by itself; empty where a person pressed the button.

    Returns:
        The record.

    Raises:
        UnusableSubscription: When nothing is to be sent to the subscription.
        NotReplaced: When the former subscription is not the user's, or the user ended it.
        TargetUnavailable: When a setting is wrong.
        NotificationSystemError: When another target has the target's name.
    """
    settings = webpush_settings()
    found = subscription_from(said, settings.push_services)
    # Anybody can make up a host below a wildcard. Such a host would look like a push service that
    # is down, and pause the target.
    may_be_made_up = not settings.stand_in_url and found.host not in settings.push_services
    if may_be_made_up and is_no_name(found.host, LOOK_UP_SECONDS):
        raise UnusableSubscription("the endpoint's host does not exist")
    target = the_target()
    if replaces and not _may_be_replaced(user, target, replaces):
        raise NotReplaced
    record = subscribe(
        user, target, found.endpoint, found.info, description=f"Browser: {found.host}"
    )
    if replaces and short_address(replaces) != record.target_user_id:
        end_subscription(user, target, replaces)
    _keep_newest(user, target)
    return record


def remove_browser(user: Any, endpoint: str) -> None:
    """End a browser's subscription, if the user has it.

    Args:
        user: The user, logged in.
        endpoint: The endpoint or the address.
    """
    end_subscription(user, the_target(), endpoint)


def has_browser(user: Any, address: str) -> bool:
    """Tell whether a user gets messages at a browser.

    Args:
        user: The user, logged in.
        address: The address of the browser's record.
    """
    records = _rows().filter(
        user=user.pk,
        target__notification_module_name="webpush",
        target_user_id=address,
        active=True,
    )
    return bool(records.exists())


def the_target() -> NotificationTarget:
    """Return the target's row; made where there is none."""
    target, _ = add_target("webpush")
    return target


def _rows() -> Any:
    return TargetUserRecord.objects.using(router.db_for_write(TargetUserRecord))


def _may_be_replaced(user: Any, target: NotificationTarget, address: str) -> bool:
    records = _rows().filter(user=user.pk, target=target.pk)
    former = records.filter(target_user_id=short_address(address)).first()
    return former is not None and (former.active or former.inactive_reason in DROPPED)


def _keep_newest(user: Any, target: NotificationTarget) -> None:
    """End the oldest subscriptions beyond the limit, and forget those that nothing refers to.

    After the new one was made: so two calls at once leave no more than the limit, too.
    """
    rows = _rows().filter(user=user.pk, target=target.pk)
    newest_first = rows.order_by("-active", "-modified_date", "-pk")
    surplus = list(newest_first.values_list("pk", "target_user_id", "active")[MOST_BROWSERS:])
    for _, address, is_active in surplus:
        if is_active:
            end_subscription(user, target, address)
    if surplus:
        keys = [key for key, _, _ in surplus]
        delete_unused(rows.filter(pk__in=keys, active=False))
