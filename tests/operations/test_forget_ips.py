"""A purge empties IP addresses in the consent log after three years, and nothing else there."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from django_notification_system.models import ConsentLog
from django_notification_system.operations import forget_ips

pytestmark = pytest.mark.django_db


def add(user: Any, days: int, ip: str | None = "192.0.2.17") -> None:
    at = timezone.now() - timedelta(days=days)
    ConsentLog.objects.create(user=user, category="news", after="yes", how="page", ip=ip, at=at)


def purge() -> None:
    call_command("purge_notifications", "--older-than=90d", verbosity=0)


def test_ip_goes_after_three_years_and_the_entry_stays(user: Any) -> None:
    add(user, days=3 * 366)
    add(user, days=2 * 366)
    add(user, days=4 * 366, ip=None)
    purge()
    old, young, _ = ConsentLog.objects.order_by("pk")
    assert (old.ip, young.ip) == (None, "192.0.2.17")
    assert (old.user, old.category, old.after, old.how) == (user, "news", "yes", "page")


def test_many_go_in_batches(user: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forget_ips, "BATCH_SIZE", 2)
    for _ in range(5):
        add(user, days=3 * 366)
    assert forget_ips.forget_old_ips(using="default") == 5
    assert not ConsentLog.objects.exclude(ip=None).exists()


def test_dry_run_leaves_them(user: Any) -> None:
    add(user, days=3 * 366)
    call_command("purge_notifications", "--older-than=90d", "--dry-run", verbosity=0)
    assert ConsentLog.objects.get().ip == "192.0.2.17"
