"""A project narrows what its people see: filters, dashboard and links tell of nothing else."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin import AdminSite
from django.contrib.auth import get_user_model
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils import timezone

from django_notification_system.admin import (
    NotificationAdmin,
    NotificationTargetAdmin,
    UserTargetAdmin,
)
from django_notification_system.admin.dashboard import dashboard_page
from django_notification_system.admin.visible import visible_notifications
from django_notification_system.models import (
    Notification,
    NotificationTarget,
    TargetUserRecord,
    UserTarget,
)
from tests.conftest import MakeDue
from tests.support.admin_site import Records, staff_client

pytestmark = pytest.mark.django_db


class OwnNotifications(NotificationAdmin):
    """Shows what is addressed to users whose name begins as the visitor's does."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        first = request.user.get_username()[0]
        visible = rows.filter(target_user_record__user__username__startswith=first)
        return visible.annotate(attempts_made=Count("attempts"))


class OwnTargets(NotificationTargetAdmin):
    """Shows the targets by email."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.filter(notification_module_name="email")


@pytest.fixture
def site() -> AdminSite:
    """A site of a project that has narrowed what is seen."""
    site = AdminSite()
    site.register(Notification, OwnNotifications)
    site.register(UserTarget, UserTargetAdmin)
    return site


@pytest.fixture
def stranger(records: Records) -> TargetUserRecord:
    """Somebody whose name begins otherwise than egg's."""
    user = get_user_model().objects.create_user("zoe", email="zoe@example.com")
    return TargetUserRecord.objects.create(
        user=user, target=records["Email"].target, target_user_id="zoe@example.com"
    )


@pytest.fixture
def failures(records: Records, stranger: TargetUserRecord, make_due: MakeDue) -> None:
    """Failures: one for egg over Email, one for zoe over Email, and one for egg over Expo."""
    failed = {"status": Notification.DELIVERY_FAILURE, "attempted_delivery": timezone.now()}
    make_due(records["Email"], response="The box is full.", **failed)
    make_due(records["Expo"], response="No such token.", **failed)
    make_due(stranger, response="Zoe's address is no address.", **failed)


def visitor(*codenames: str) -> Any:
    """Return a person whose name begins with an e, who may see notifications."""
    client = staff_client(*codenames)
    user = get_user_model().objects.get(pk=client.session["_auth_user_id"])
    user.username = "emma"
    user.save()
    return user


def page(site: AdminSite, rf: RequestFactory, query: str = "", user: Any = None) -> Any:
    request = rf.get(f"/?{query}")
    request.user = user or visitor("view_notification")
    return site.get_model_admin(Notification).changelist_view(request)


@pytest.mark.usefixtures("failures")
def test_the_error_filter_offers_errors_of_what_the_visitor_sees(
    site: AdminSite, rf: RequestFactory
) -> None:
    (errors,) = [
        spec.lookup_choices
        for spec in page(site, rf).context_data["cl"].filter_specs
        if getattr(spec, "parameter_name", "") == "error"
    ]
    assert {text for text, _shown in errors} == {"The box is full.", "No such token."}


@pytest.mark.usefixtures("failures")
def test_the_dashboard_counts_what_the_visitor_sees(
    site: AdminSite, rf: RequestFactory, records: Records, stranger: TargetUserRecord,
    make_due: MakeDue,
) -> None:  # fmt: skip
    make_due(records["Email"])
    make_due(stranger)
    request = rf.get("/")
    request.user = visitor("view_notification")
    context: Any = dashboard_page(site.get_model_admin(Notification), request).context_data
    by_name = {each.target.name: each for each in context["status"].targets}
    assert (by_name["Email"].due, by_name["Email"].failed) == (1, 1)
    assert {each.text for each, _link in context["causes"]} == {
        "The box is full.", "No such token.",
    }  # fmt: skip
    assert {chart.name: sum(chart.totals) for chart in context["charts"]} == {
        "Email": 1, "Expo": 1, "Twilio": 0,
    }  # fmt: skip

    site.register(NotificationTarget, OwnTargets)
    context = dashboard_page(site.get_model_admin(Notification), request).context_data
    assert [each.target.name for each in context["status"].targets] == ["Email"]
    assert [chart.name for chart in context["charts"]] == ["Email"]
    assert [each.text for each, _link in context["causes"]] == ["The box is full."]


def test_a_person_is_named_to_those_who_know_of_the_person(
    site: AdminSite, rf: RequestFactory, records: Records, stranger: TargetUserRecord,
    make_due: MakeDue,
) -> None:  # fmt: skip
    def is_named(record: TargetUserRecord, user: Any) -> bool:
        response = page(site, rf, f"person={record.user_id}", user)
        if response.status_code == 302:
            assert response.url.endswith("e=1")
            return False
        return str(record.user) in response.render().content.decode()

    looks = visitor("view_notification")
    make_due(stranger)
    assert not is_named(stranger, looks)
    assert not is_named(records["Email"], looks)
    make_due(records["Email"])
    assert is_named(records["Email"], looks)
    looks.delete()
    sees_records = visitor("view_notification", "view_targetuserrecord")
    assert is_named(stranger, sees_records)


def test_a_record_counts_the_notifications_that_the_visitor_sees(
    site: AdminSite, rf: RequestFactory, records: Records, stranger: TargetUserRecord,
    make_due: MakeDue,
) -> None:  # fmt: skip
    make_due(stranger)
    make_due(records["Email"])
    records_admin: Any = site.get_model_admin(UserTarget)
    request = rf.get("/")
    request.user = visitor("view_notification", "view_targetuserrecord")
    numbers = [
        records_admin.notifications(records_admin.get_object(request, str(record.pk)))
        for record in (stranger, records["Email"])
    ]
    assert [">0<" in numbers[0], ">1<" in numbers[1]] == [True, True]


def test_what_is_not_narrowed_costs_no_subquery(rf: RequestFactory) -> None:
    class Annotated(NotificationAdmin):
        def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
            rows: QuerySet[Any] = super().get_queryset(request)
            return rows.annotate(attempts_made=Count("attempts"))

    rows = visible_notifications(Annotated(Notification, admin.site), rf.get("/"))
    assert str(rows.query) == str(Notification.objects.all().query)
