"""Searching the admin's lists, and choosing by searching in its forms."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect, ForeignKeyRawIdWidget
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.db import connection, models
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext, isolate_apps

from django_notification_system.admin import (
    NotificationAdmin,
    NotificationOptOutAdmin,
    UserTargetAdmin,
)
from django_notification_system.admin.listing.search import user_search_fields
from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    TargetUserRecord,
    UserTarget,
)
from tests.conftest import MakeDue
from tests.support.admin_site import Records, address, listed, staff_client, suggestions

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(admin_client: Client) -> Client:
    """A superuser's browser."""
    return admin_client


@pytest.mark.parametrize(
    "term",
    ["order", "ORDER 7", "egg", "eggs@example", "Benedict order", "+15005550006", '"order 7"'],
)
def test_search_finds_titles_addresses_and_users(
    client: Client, records: Records, make_due: MakeDue, term: str
) -> None:
    other = get_user_model().objects.create_user("ham", "ham@example.org", first_name="Ham")
    make_due(records["Twilio"], title="Your order 7")
    make_due(
        TargetUserRecord.objects.create(
            user=other, target=records["Email"].target, target_user_id="h@example.org"
        ),
        title="Hello",
        body="A word on order 7 for eggs@example.com",
    )
    response = client.get(address(Notification), {"q": term})
    assert [row.title for row in response.context["cl"].result_list] == ["Your order 7"]


def test_search_needs_every_word(client: Client, records: Records, make_due: MakeDue) -> None:
    make_due(records["Email"], title="Your order 7")
    assert listed(client, Notification, "q=order+spam") == set()
    assert listed(client, Notification, "q=order+eggs") == {"Your order 7"}
    assert listed(client, Notification, 'q="7+order"') == set()


def test_search_joins_no_other_table_to_every_row(client: Client, records: Records) -> None:
    with CaptureQueriesContext(connection) as captured:
        client.get(address(Notification), {"q": "eggs"})
    (count,) = [query["sql"] for query in captured if "COUNT(" in query["sql"]]
    assert "JOIN" not in count


def test_search_fields_of_a_projects_own_admin_are_djangos(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    class OwnAdmin(NotificationAdmin):
        search_fields = ("^title", "target_user_record__user__username__exact")

    make_due(records["Email"], title="Your order 7")
    request = RequestFactory().get("/")
    own = OwnAdmin(Notification, admin.site)
    for term, number in (("your", 1), ("order", 0), ("egg", 1), ("eg", 0)):
        found, _ = own.get_search_results(request, Notification.objects.all(), term)
        assert found.count() == number, term


def test_records_targets_and_users_are_found_while_typing(client: Client, records: Records) -> None:
    get_user_model().objects.create_user("ham", "ham@example.org")
    assert suggestions(client, Notification, "target_user_record", "ExponentPush") == [
        "egg: Eggs's Expo"
    ]
    assert len(suggestions(client, Notification, "target_user_record", "benedict")) == 3
    assert suggestions(client, TargetUserRecord, "target", "twi") == ["Twilio"]
    assert suggestions(client, UserTarget, "user", "ham") == ["ham"]
    assert suggestions(client, NotificationOptOut, "user", "eggs") == ["egg"]


@pytest.mark.parametrize(
    ("model", "field"),
    [
        (Notification, "target_user_record"),
        (UserTarget, "user"),
        (UserTarget, "target"),
        (TargetUserRecord, "user"),
        (NotificationOptOut, "user"),
    ],
)
def test_forms_choose_by_searching(client: Client, model: Any, field: str) -> None:
    form = client.get(address(model, "add")).context["adminform"].form
    assert isinstance(form.fields[field].widget.widget, AutocompleteSelect)


def users_without_search(site: admin.AdminSite) -> None:
    site.register(get_user_model(), admin.ModelAdmin)


def no_users(site: admin.AdminSite) -> None:
    pass


@pytest.mark.parametrize("register_users", [no_users, users_without_search])
def test_users_who_cannot_be_searched_are_entered_by_key(
    register_users: Any, user: Any, rf: RequestFactory
) -> None:
    site = admin.AdminSite()
    register_users(site)
    request = rf.get("/")
    request.user = get_user_model().objects.create_superuser("ada")
    for model, admin_class in (
        (UserTarget, UserTargetAdmin),
        (NotificationOptOut, NotificationOptOutAdmin),
    ):
        site.register(model, admin_class)
        model_admin = site.get_model_admin(model)
        assert model_admin.check() == []
        widget = model_admin.get_form(request)().fields["user"].widget
        assert isinstance(getattr(widget, "widget", widget), ForeignKeyRawIdWidget)


def test_people_who_may_not_see_users_still_add_records(user: Any) -> None:
    adder = staff_client("add_targetuserrecord")
    form = adder.get(address(UserTarget, "add")).context["adminform"].form
    widget = form.fields["user"].widget
    assert isinstance(getattr(widget, "widget", widget), ForeignKeyRawIdWidget)


@isolate_apps("tests")
def test_search_follows_the_user_model() -> None:
    class PhoneUser(AbstractBaseUser):
        phone = models.CharField(max_length=20, unique=True)
        mail = models.EmailField()
        USERNAME_FIELD = "phone"
        EMAIL_FIELD = "mail"

        class Meta:
            app_label = "tests"

    class BareUser(AbstractBaseUser):
        person = models.OneToOneField(PhoneUser, models.CASCADE)
        last_name = models.CharField(max_length=20)
        USERNAME_FIELD = "person"

        class Meta:
            app_label = "tests"

    assert user_search_fields("user__", PhoneUser) == ["user__phone", "user__mail"]
    assert user_search_fields("", BareUser) == ["last_name"]
    assert user_search_fields("user__") == [
        "user__username", "user__email", "user__first_name", "user__last_name",
    ]  # fmt: skip
