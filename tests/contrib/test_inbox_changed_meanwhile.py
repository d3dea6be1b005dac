"""Rows that another connection deletes while a call writes items for many people."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError, connection, transaction

from django_notification_system import notify
from django_notification_system.contrib.inbox import site_inbox
from django_notification_system.contrib.inbox.models import InboxEvent, InboxItem
from django_notification_system.contrib.inbox.site_inbox import SiteInbox
from tests.support.elsewhere import elsewhere, no_threads
from tests.support.runs import in_real_transactions


@no_threads
@in_real_transactions
def test_nobody_deletes_a_user_between_the_look_and_the_commit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    users = [get_user_model().objects.create_user(username=f"user-{index}") for index in range(2)]
    write = SiteInbox.write
    held = []

    def try_lock() -> None:
        try:
            with transaction.atomic():
                get_user_model().objects.select_for_update(nowait=True).get(pk=users[0].pk)
        except OperationalError:
            held.append(True)

    def asked_before(*args: Any, **kwargs: Any) -> int:
        elsewhere(try_lock)
        return write(*args, **kwargs)

    monkeypatch.setattr(SiteInbox, "write", asked_before)
    notify(users, "News", "-", target="inbox")
    assert held == [True]
    assert InboxItem.objects.count() == 2


@no_threads
@in_real_transactions
def test_an_event_purged_before_the_lock_is_written_again(monkeypatch: pytest.MonkeyPatch) -> None:
    user = get_user_model().objects.create_user(username="egg")
    notify(user, "Order 17", "-", target="inbox", idempotency_key="17")
    InboxItem.objects.all().delete()
    locked, purged = site_inbox.locked, []

    def purge() -> None:
        # MariaDB holds the event for the insert that met it; PostgreSQL lets the purge have it.
        try:
            with transaction.atomic():
                InboxEvent.objects.select_for_update(nowait=True).get().delete()
        except OperationalError:
            purged.append(False)
        else:
            purged.append(True)

    def locked_too_late(rows: Any) -> Any:
        if rows.model is InboxEvent and not purged:
            elsewhere(purge)
        return locked(rows)

    monkeypatch.setattr(site_inbox, "locked", locked_too_late)
    notify(user, "Order 17", "-", target="inbox", idempotency_key="17")
    assert purged == [connection.vendor == "postgresql"]
    assert InboxItem.objects.get().event == InboxEvent.objects.get()
