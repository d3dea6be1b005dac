"""The admin's pages as axe-core judges them: light and dark, on a phone and on a desk."""

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.urls import reverse
from django.utils import timezone

from django_notification_system.categories import Category, known_categories
from django_notification_system.models import (
    ConsentLog,
    Notification,
    NotificationAttempt,
    NotificationOptOut,
    NotificationTarget,
    Suppression,
    UserTarget,
)
from django_notification_system.preferences import set_preference, suppress
from django_notification_system.types import NotificationType, known_types
from tests.conftest import MakeDue
from tests.settings import TEST_DATABASE
from tests.support.accessibility import FINISH_COLOURS, SIZES, grave_faults, looks_at
from tests.support.admin_site import Records, address
from tests.support.browsers import Site
from tests.support.shop.models import Order

pytestmark = [
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.skipif(TEST_DATABASE != "sqlite", reason="A page is the same on every database."),
]

LIST = address(Notification)
#: A folder for pictures of the pages, to be looked at.
PICTURES = os.environ.get("PICTURES")


class Shipped(NotificationType):
    key = "shop.Shipped"
    templates = "shop/order_shipped"
    order: Order

    @classmethod
    def previews(cls) -> Iterator[tuple[str, "Shipped"]]:
        yield "eggs", cls(order=Order(number=17))


@pytest.fixture
def notifications(records: Records, make_due: MakeDue) -> Iterator[dict[str, Notification]]:
    """One of each status, by status, in a project with a pause, an opt-out and a suppression."""
    now = timezone.now()
    made = {
        status: make_due(
            records["Expo" if status == "RETRY" else "Email"],
            title=f"Your order {number}",
            status=status,
            response="550 No mailbox" if status == "DELIVERY FAILURE" else "",
            attempted_delivery=None if status == "SCHEDULED" else now,
            scheduled_delivery=now - timedelta(minutes=90 + number),
            extra={"subtitle": "It is on its way"} if status == "RETRY" else {},
        )
        for number, status in enumerate(dict(Notification.STATUS_CHOICES))
    }
    for result in NotificationAttempt.Result.values:
        NotificationAttempt.objects.create(
            notification=made["DELIVERED"], attempted_at=now, result=result, response="550"
        )
    NotificationTarget.objects.filter(name="Twilio").update(
        paused_until=now + timedelta(hours=1), pause_reason="no answer"
    )
    NotificationOptOut.objects.create(user=get_user_model().objects.create_user("ben"))
    suppress("email", "gone@example.com", reason="bounce")
    with (
        known_types(Shipped),
        known_categories(
            Category("news", label="Newsletter", description="Once a month.", targets=("email",)),
            Category("club", label="The club", opt_in=True, confirm=True),
            Category("security", label="Security", mandatory=True),
        ),
    ):
        user = records["Email"].user
        set_preference(user, "news", "email", wanted=False, how="one-click")
        set_preference(user, "club", "expo", wanted=True, how="admin", by=user)
        yield made


def pages(
    site: Site, notifications: dict[str, Notification], records: Records
) -> Iterator[tuple[str, int]]:
    """Open each page in turn, and yield its name and its place among those of its kind."""
    delivered, retrying = notifications["DELIVERED"], notifications["RETRY"]
    by_kind = (
        {
            "list": LIST,
            "filtered list": f"{LIST}?status__exact=DELIVERY+FAILURE&scheduled_delivery__year=2026",
            "targets": address(NotificationTarget),
            "user targets": address(UserTarget),
            "opt-outs": address(NotificationOptOut),
            "suppressions": address(Suppression),
            "consent log": address(ConsentLog),
        },
        {
            "notification": address(Notification, "change", delivered.pk),
            "notification that waits": address(Notification, "change", retrying.pk),
            "target": address(NotificationTarget, "change", records["Twilio"].target_id),
            "user target": address(UserTarget, "change", records["Twilio"].pk),
            "suppression": address(Suppression, "change", Suppression.objects.get().pk),
            "entry of the log": address(ConsentLog, "change", ConsentLog.objects.latest("pk").pk),
        },
        {
            "new notification": address(Notification, "add"),
            "new target": address(NotificationTarget, "add"),
            "new user target": address(UserTarget, "add"),
            "new opt-out": address(NotificationOptOut, "add"),
            "new suppression": address(Suppression, "add"),
        },
        {"suppression to be removed": address(Suppression, "delete", Suppression.objects.get().pk)},
        {"preview of an email": address(Notification, "preview", delivered.pk)},
        {"preview of a push message": address(Notification, "preview", retrying.pk)},
        {
            "preview of a type": f"{LIST}types/preview/?example=shop.Shipped/eggs&language=de"
            f"&target={records['Email'].target_id}"
        },
        {"somebody's preferences": address(UserTarget, "preferences", records["Twilio"].pk)},
        {"app's index": reverse("admin:app_list", args=["django_notification_system"])},
        {"types": f"{LIST}types/"},
        {"dashboard": f"{LIST}dashboard/", "dashboard of a week": f"{LIST}dashboard/?span=week"},
    )
    for kind in by_kind:
        for place, (name, path) in enumerate(kind.items()):
            site.open(path)
            site.page.evaluate(
                "document.querySelectorAll('details').forEach(each => each.open = true)"
            )
            yield name, place
    for place, action in enumerate(("cancel", "reschedule")):
        site.open(LIST)
        site.page.check("#action-toggle")
        site.page.select_option("select[name=action]", action)
        site.page.follow("button[name=index]")
        yield f"confirmation of {action}", place
    site.page.fill("#id_moment_0", "2001-02-03")
    site.page.follow("#content form button[type=submit]")
    yield "refused confirmation", 2
    site.context.clear_cookies()
    site.open("/admin/")
    yield "login", 0


def test_axe_finds_nothing_grave_in_light_and_dark_on_a_phone_and_on_a_desk(
    browser: Any, live_server: Any, notifications: dict[str, Notification], records: Records
) -> None:
    site = Site(browser, live_server.url)
    found = set()
    looked_at = []
    try:
        for name, place in pages(site, notifications, records):
            looked_at.append(name)
            for size, scheme, rules in looks_at(place):
                site.page.set_viewport_size(SIZES[size])
                site.page.emulate_media(color_scheme=scheme)
                site.page.evaluate(FINISH_COLOURS)
                if PICTURES:
                    file = f"{PICTURES}/{name}-{size}-{scheme}.png".replace(" ", "-")
                    site.page.screenshot(path=file, full_page=True)
                for fault in grave_faults(site.page, rules, around=not place):
                    found.add(f"{name}, {scheme}, {size}: {fault}")
    finally:
        site.context.close()
    assert len(looked_at) == 31
    assert not found, "\n".join(sorted(found))


def test_axe_finds_what_is_put_there(browser: Any, live_server: Any) -> None:
    page = Site(browser, live_server.url).page
    page.evaluate(
        """document.querySelector("#content").innerHTML +=
        "<img src=x> <input id=unnamed> <p style='color: #777; background: #888'>unreadable</p>" """
    )
    found = " ".join(grave_faults(page))
    for rule in ("critical image-alt", "critical label", "serious color-contrast"):
        assert rule in found
    page.context.close()
