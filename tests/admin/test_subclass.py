"""What a project's own admin of notifications adds to each row, and what that must not cost."""

from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db.models import Count, QuerySet
from django.db.models.functions import Upper
from django.http import HttpRequest
from django.test import RequestFactory
from django.utils import timezone

from django_notification_system.admin import NotificationAdmin
from django_notification_system.admin.listing import selection
from django_notification_system.models import Notification, NotificationAttempt, TargetUserRecord
from tests.conftest import MakeDue

pytestmark = pytest.mark.django_db

BY_ATTEMPT = "attempted_delivery__isempty"


class OwnAdmin(NotificationAdmin):
    """Shows a title in capitals and the number of attempts, and does not load bodies."""

    list_per_page = 3
    list_display = (*NotificationAdmin.list_display, "capitals")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        annotated = rows.annotate(in_capitals=Upper("title"), attempts_made=Count("attempts"))
        return annotated.select_related("target_user_record__user").defer("body")

    @admin.display
    def capitals(self, notification: Any) -> str:
        return str(notification.in_capitals)


def rows_of(query: str, rf: RequestFactory, own: type[NotificationAdmin] = OwnAdmin) -> list[Any]:
    request = rf.get(f"/?{query}")
    request.user = get_user_model().objects.filter(is_superuser=True)[0]
    page: Any = own(Notification, admin.site).changelist_view(request)
    assert page.status_code == 200
    return list(page.context_data["cl"].result_list)


@pytest.fixture
def retried(
    records: dict[str, TargetUserRecord], make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Five notifications in two targets, all due at the same moment, each with two attempts."""
    get_user_model().objects.create_superuser("ada")
    monkeypatch.setattr(selection, "ROWS_LOOKED_AT", 2)
    now = timezone.now()
    for number in range(5):
        notification = make_due(
            records["Email" if number % 2 else "Expo"],
            title=f"egg {number}",
            status=Notification.RETRY,
            scheduled_delivery=now,
            attempted_delivery=now,
        )
        for _ in range(2):
            NotificationAttempt.objects.create(
                notification=notification, attempted_at=now, result="RETRY", response="Too hot."
            )


@pytest.mark.parametrize("query", ["", "status__exact=RETRY", f"{BY_ATTEMPT}=0", "q=egg"])
def test_a_page_has_what_the_admin_adds_to_its_rows(
    retried: None, rf: RequestFactory, query: str, django_assert_num_queries: Any
) -> None:
    pages = [rows_of(f"{query}&p={number}", rf) for number in (1, 2)]
    assert [len(page) for page in pages] == [3, 2]
    rows = [row for page in pages for row in page]
    with django_assert_num_queries(0):
        assert sorted(row.in_capitals for row in rows) == [f"EGG {number}" for number in range(5)]
        assert {row.attempts_made for row in rows} == {2}
        assert {row.target_user_record.user.username for row in rows} == {"egg"}
    assert {name for row in rows for name in row.get_deferred_fields()} == {"body", "extra"}


class TrustingAdmin(OwnAdmin):
    """Lets whoever may change notifications set all of ``extra``."""

    def may_direct_mail(self, request: HttpRequest) -> bool:
        return self.has_change_permission(request)


@pytest.mark.parametrize(("own", "may"), [(OwnAdmin, False), (TrustingAdmin, True)])
def test_a_project_says_who_may_set_all_of_extra(
    rf: RequestFactory,
    records: dict[str, TargetUserRecord],
    make_due: MakeDue,
    own: type[NotificationAdmin],
    may: bool,
) -> None:
    request = rf.get("/")
    request.user = get_user_model().objects.create_user("staff", is_staff=True)
    request.user.user_permissions.add(Permission.objects.get(codename="change_notification"))
    notification = make_due(records["Email"], extra={"template_name": "reset.html"})
    own_admin = own(Notification, admin.site)
    form: Any = own_admin.get_form(request, notification, change=True)
    assert form.may_direct_mail is may
    assert ("target_user_record" in form.base_fields) is may


class FilteredAdmin(OwnAdmin):
    """Offers a filter by the attempts, of which a notification has several."""

    list_filter = (*NotificationAdmin.list_filter, "attempts__result")


@pytest.mark.parametrize("query", ["status__exact=RETRY", f"{BY_ATTEMPT}=0", ""])
def test_a_filter_by_attempts_shows_each_notification_once(
    retried: None, rf: RequestFactory, query: str
) -> None:
    query = f"{query}&attempts__result=RETRY"
    pages = [rows_of(f"{query}&p={number}", rf, FilteredAdmin) for number in (1, 2)]
    assert [len(page) for page in pages] == [3, 2]
    assert len({row.pk for page in pages for row in page}) == 5


@pytest.mark.parametrize(("changed", "title"), [(["why"], "old"), (["why", "title"], "new")])
def test_a_field_of_a_projects_form_alone_is_not_saved(
    rf: RequestFactory,
    records: dict[str, TargetUserRecord],
    make_due: MakeDue,
    changed: list[str],
    title: str,
) -> None:
    notification = make_due(records["Email"], title="old", body="kept")
    notification.title, notification.body = "new", "a worker's concern"
    form = SimpleNamespace(changed_data=changed)
    OwnAdmin(Notification, admin.site).save_model(rf.get("/"), notification, form, change=True)
    stored = Notification.objects.get(pk=notification.pk)
    assert (stored.title, stored.body) == (title, "kept")
