"""Items whose time has not come, and whose reader has changed a word since they were written.

A run asks for a person's word right before it sends a notification. Nothing happens at the moment
an item becomes visible. So each change of a word is applied at once to the items that wait.
"""

from collections.abc import Collection, Iterable
from typing import Any

from django.utils import timezone

from ...batches import batched
from ...categories import category_of, heeds_opt_outs
from ...models import NotificationOptOut
from ...on_site import INBOX
from ...preferences.lookup import states_of
from ...preferences.rule import States, refusal
from .models import InboxItem
from .models.item_queryset import CHANGED_AT_ONCE
from .models.state import ItemState


def reconsider(user_ids: Collection[Any], *, using: str) -> None:
    """Withhold the items to come that their readers want no more, and give the others back.

    Three queries; one where nothing is to come.

    Args:
        user_ids: The keys of the users whose words have changed.
        using: The database's alias; a transaction is open on the connection.
    """
    to_come = InboxItem.objects.using(using).filter(
        user__in=user_ids,
        state__in=(ItemState.UNREAD, ItemState.WITHHELD),
        visible_from__gt=timezone.now(),
    )
    rows = list(to_come.order_by("pk").values_list("pk", "user", "state", "event__category"))
    if not rows:
        return
    readers = {user_id for _pk, user_id, _state, _category in rows}
    categories = {category for _pk, _user, _state, category in rows} - {""}
    states = states_of(readers, categories, [INBOX], using=using)
    opt_outs = NotificationOptOut.objects.using(using).filter(user__in=readers, active=True)
    opted_out = set(opt_outs.values_list("user", flat=True))
    withheld: list[int] = []
    given_back: list[int] = []
    for pk, user_id, state, category in rows:
        is_wanted = _is_wanted(category, states.get(user_id, {}), user_id in opted_out)
        if state == ItemState.UNREAD and not is_wanted:
            withheld.append(pk)
        elif state == ItemState.WITHHELD and is_wanted:
            given_back.append(pk)
    _change(withheld, ItemState.UNREAD, ItemState.WITHHELD, using)
    _change(given_back, ItemState.WITHHELD, ItemState.UNREAD, using)


def _is_wanted(key: str, states: States, opted_out: bool) -> bool:
    if opted_out and heeds_opt_outs(key):
        return False
    return not key or not refusal(category_of(key), INBOX, states)


def _change(keys: Iterable[int], before: ItemState, after: ItemState, using: str) -> None:
    for some in batched(keys, CHANGED_AT_ONCE):
        InboxItem.objects.using(using).filter(pk__in=some, state=before).update(state=after)
