"""Categories in the admin: the field, the column and the filter, where a project has categories."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from django_notification_system.categories import Category, known_categories
from django_notification_system.models import Notification, TargetUserRecord, UserTarget
from django_notification_system.preferences import set_preference, suppress
from tests.conftest import MakeDue
from tests.support.admin_site import Records, address, form_of, listed

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(admin_client: Client) -> Client:
    """A superuser's browser."""
    return admin_client


@pytest.fixture
def categories() -> Iterator[None]:
    """Two categories."""
    with known_categories(
        Category("news", label="Our newsletter"), Category("orders", label="Your orders")
    ):
        yield


def add_values(record: TargetUserRecord, **values: Any) -> dict[str, Any]:
    moment = timezone.now() + timedelta(days=1)
    return {
        "target_user_record": record.pk,
        "title": "June",
        "body": "…",
        "extra": "{}",
        "scheduled_delivery_0": moment.date().isoformat(),
        "scheduled_delivery_1": "12:00:00",
        "priority": 0,
        "max_retries": 3,
        "retry_time_interval": 0,
        "attempts-TOTAL_FORMS": 0,
        "attempts-INITIAL_FORMS": 0,
        **values,
    }


def test_without_categories_nothing_speaks_of_categories(
    client: Client, email: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(email)
    with known_categories():
        pages = [
            client.get(address(Notification)),
            client.get(f"{address(Notification)}add/"),
            client.get(f"{address(Notification)}{notification.pk}/change/"),
        ]
    for page in pages:
        assert "ategory" not in page.content.decode()


@pytest.mark.usefixtures("categories")
def test_the_list_has_a_column_and_a_filter(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    make_due(records["Email"], title="June", category="news")
    make_due(records["Expo"], title="Parcel", category="orders")
    make_due(records["Email"], title="Old", category="gone")
    make_due(records["Email"], title="Plain")
    page = client.get(address(Notification)).content.decode()
    assert '<td class="field-category_label">Our newsletter</td>' in page
    assert '<td class="field-category_label">gone</td>' in page
    assert listed(client, Notification, "category=news") == {"June"}
    assert listed(client, Notification, "category=gone") == {"Old"}
    assert listed(client, Notification, "category=orders&status__exact=SCHEDULED") == {"Parcel"}
    assert listed(client, Notification, "category=news&extent=all") == {"June"}


@pytest.mark.usefixtures("categories")
def test_a_notification_is_added_with_a_category(client: Client, email: TargetUserRecord) -> None:
    url = f"{address(Notification)}add/"
    page = client.get(url).content.decode()
    assert '<option value="news">Our newsletter</option>' in page
    response = client.post(url, add_values(email, category="orders"))
    assert response.status_code == 302, response.content.decode()
    assert Notification.objects.get().category == "orders"


@pytest.mark.usefixtures("categories")
def test_an_unknown_category_is_refused(client: Client, email: TargetUserRecord) -> None:
    response = client.post(f"{address(Notification)}add/", add_values(email, category="nwes"))
    assert "nwes is not one of the available choices" in response.content.decode()
    assert not Notification.objects.exists()


@pytest.mark.usefixtures("categories")
def test_a_removed_category_stays_on_its_notification(
    client: Client, email: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(email, category="gone")
    page = client.get(f"{address(Notification)}{notification.pk}/change/").content.decode()
    assert '<option value="gone" selected>gone</option>' in page


@pytest.mark.usefixtures("categories")
def test_the_page_of_a_sent_notification_names_the_category(
    client: Client, email: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(
        email, category="news", status="DELIVERED", attempted_delivery=timezone.now()
    )
    page = client.get(f"{address(Notification)}{notification.pk}/change/").content.decode()
    assert "Our newsletter" in page
    assert 'name="category"' not in page


@pytest.mark.usefixtures("categories")
def test_what_the_recipient_does_not_want_is_refused(
    client: Client, email: TargetUserRecord, make_due: MakeDue
) -> None:
    set_preference(email.user, "news", "email", wanted=False, how="page")
    url = f"{address(Notification)}add/"
    page = client.post(url, add_values(email, category="news")).content.decode()
    assert "It would not be sent to this person: opted out of news by email." in page
    assert not Notification.objects.exists()
    assert client.post(url, add_values(email, category="orders")).status_code == 302
    suppress("email", email.target_user_id, reason="bounce")
    page = client.post(url, add_values(email, category="orders", title="July")).content.decode()
    assert "It would not be sent to this person: suppressed: bounce." in page
    assert client.post(url, add_values(email, title="Plain")).status_code == 302


def test_a_records_page_says_why_it_was_switched_off(
    client: Client, email: TargetUserRecord
) -> None:
    TargetUserRecord.objects.update(active=False, inactive_reason="opted out", hard_bounces=1)
    url = address(UserTarget, "change", email.pk)
    page = client.get(url).content.decode()
    assert '<div class="readonly">opted out</div>' in page
    assert client.post(url, {**form_of(client, url), "active": "on"}).status_code == 302
    email.refresh_from_db()
    assert (email.active, email.inactive_reason, email.hard_bounces) == (True, "", 0)
