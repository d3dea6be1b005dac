"""The admin: who may see what, lists that ask little, and changes that undo nobody else's."""

import json
import re
import uuid
from datetime import timedelta
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

import pytest
from django.contrib import admin
from django.contrib.admin.widgets import AutocompleteSelect, ForeignKeyRawIdWidget
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser, Permission
from django.db import connection, models
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext, isolate_apps
from django.urls import reverse
from django.utils import timezone

from django_notification_system.admin import (
    NotificationAdmin,
    NotificationOptOutAdmin,
    UserTargetAdmin,
    paginator,
)
from django_notification_system.admin.paginator import AtLeast, CappedPaginator
from django_notification_system.admin.search import user_search_fields
from django_notification_system.delivery.run import Run
from django_notification_system.models import (
    Notification,
    NotificationAttempt,
    NotificationOptOut,
    NotificationTarget,
    TargetUserRecord,
    UserTarget,
)
from tests.conftest import MakeDue

pytestmark = pytest.mark.django_db

MODELS = (Notification, NotificationTarget, NotificationOptOut, UserTarget)
Records = dict[str, TargetUserRecord]


def address(model: type[models.Model], page: str = "changelist", *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def staff_client(*codenames: str) -> Client:
    user = get_user_model().objects.create_user(
        f"staff-{uuid.uuid4().hex[:8]}", password="x", is_staff=True
    )
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    assert user.user_permissions.count() == len(codenames)
    client = Client()
    client.force_login(user)
    return client


class FormParser(HTMLParser):
    """Collects what a browser would send back from a page, unchanged."""

    def __init__(self) -> None:
        super().__init__()
        self.data: dict[str, str] = {}
        self.textarea = ""
        self.select = ""

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        attribute = dict(attributes)
        name, value = attribute.get("name") or "", attribute.get("value") or ""
        if tag == "textarea":
            self.textarea = name
            self.data[name] = ""
        elif tag == "select":
            self.select = name
        elif tag == "option" and self.select and "selected" in attribute:
            self.data[self.select] = value
        elif tag == "input" and attribute.get("type") not in ("submit", "checkbox"):
            self.data[name] = value
        elif tag == "input" and "checked" in attribute:
            self.data[name] = "on"

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea":
            self.textarea = ""
        elif tag == "select":
            self.select = ""

    def handle_data(self, data: str) -> None:
        if self.textarea:
            self.data[self.textarea] += data


def form_of(client: Client, url: str) -> dict[str, Any]:
    parser = FormParser()
    page = client.get(url).content.decode()
    parser.feed(page[page.index('<div id="content-main">') :])
    return parser.data


@pytest.fixture
def client(db: None) -> Client:
    """A superuser's browser."""
    client = Client()
    client.force_login(
        get_user_model().objects.create_superuser("ada", "ada@example.com", "password")
    )
    return client


def test_user_targets_are_listed_at_the_documented_address(
    client: Client, records: Records
) -> None:
    response = client.get("/admin/django_notification_system/usertarget/")
    page = response.content.decode()
    assert "eggs@example.com" in page
    assert "ExponentPushToken[eggs-benedict]" in page
    assert response.context["title"] == "Select user target to change"


def test_index_shows_user_targets_once_and_not_the_old_name(client: Client) -> None:
    page = client.get("/admin/").content.decode()
    assert "User Targets" in page
    assert "/admin/django_notification_system/targetuserrecord/" not in page


def test_records_stay_at_the_address_of_release_1_5_3(client: Client, records: Records) -> None:
    page = client.get("/admin/django_notification_system/targetuserrecord/")
    assert "eggs@example.com" in page.content.decode()
    change = address(TargetUserRecord, "change", records["Email"].pk)
    assert client.get(change).status_code == 200


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("page", ["changelist", "add"])
def test_every_page_opens(client: Client, records: Records, model: Any, page: str) -> None:
    assert client.get(address(model, page)).status_code == 200


def test_permissions_of_records_open_user_targets(records: Records) -> None:
    record = records["Email"]
    editor = staff_client("view_targetuserrecord", "change_targetuserrecord")
    change = address(UserTarget, "change", record.pk)
    data = {**form_of(editor, change), "description": "A better one"}
    assert editor.post(change, data).status_code == 302
    record.refresh_from_db()
    assert record.description == "A better one"
    assert "User Targets" in editor.get("/admin/").content.decode()
    assert editor.get(address(UserTarget, "add")).status_code == 403
    assert editor.post(address(UserTarget, "delete", record.pk)).status_code == 403


def test_user_targets_are_closed_without_permissions(records: Records) -> None:
    outsider = staff_client("view_notification")
    assert outsider.get(address(UserTarget)).status_code == 403
    assert outsider.get(address(TargetUserRecord)).status_code == 403
    assert "User Targets" not in outsider.get("/admin/").content.decode()


def test_people_who_may_only_add_or_delete_records_can(records: Records) -> None:
    adder = staff_client("add_targetuserrecord")
    data = {
        "user": records["Email"].user_id,
        "target": records["Email"].target_id,
        "target_user_id": "second@example.com",
        "description": "Second",
        "active": "on",
    }
    assert adder.post(address(UserTarget, "add"), data).status_code == 302
    made = TargetUserRecord.objects.get(target_user_id="second@example.com")
    deleter = staff_client("delete_targetuserrecord", "view_targetuserrecord")
    deleter.post(address(UserTarget, "delete", made.pk), {"post": "yes"})
    assert not TargetUserRecord.objects.filter(pk=made.pk).exists()


def test_view_only_people_can_look_and_nothing_else(records: Records, make_due: MakeDue) -> None:
    notification = make_due(records["Email"], response="So it went")
    NotificationOptOut.objects.create(user=records["Email"].user)
    viewer = staff_client(
        "view_notification", "view_notificationtarget", "view_targetuserrecord",
        "view_notificationoptout",
    )  # fmt: skip
    for model in MODELS:
        row = model.objects.all()[0]
        change = address(model, "change", row.pk)
        page = viewer.get(change)
        assert page.status_code == 200
        assert 'name="_save"' not in page.content.decode()
        assert viewer.post(change, {"title": "Mine now"}).status_code == 403
        assert viewer.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    notification.refresh_from_db()
    assert notification.title == "Test notification"


def delete_selected(client: Client, model: Any) -> Any:
    keys = list(model.objects.values_list("pk", flat=True))
    return client.post(address(model), {"action": "delete_selected", "_selected_action": keys})


def show_list(client: Client, model: Any) -> Any:
    return client.get(address(model))


def suggest_records(client: Client, model: Any) -> Any:
    assert suggestions(client, Notification, "target_user_record")
    return client.get("/admin/")


@pytest.mark.parametrize(
    ("ask", "model"),
    [
        (show_list, Notification),
        (show_list, UserTarget),
        (show_list, NotificationOptOut),
        (suggest_records, UserTarget),
        (delete_selected, Notification),
        (delete_selected, NotificationOptOut),
    ],
)
def test_many_rows_take_as_many_queries_as_one(
    client: Client, records: Records, make_due: MakeDue, ask: Any, model: Any
) -> None:
    def make(number: int) -> None:
        user = get_user_model().objects.create_user(f"user{number}")
        record = TargetUserRecord.objects.create(
            user=user, target=records["Email"].target, target_user_id=number, description="Mail"
        )
        make_due(record, title=f"Number {number}")
        NotificationOptOut.objects.create(user=user)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert ask(client, model).status_code == 200
        return len(captured)

    TargetUserRecord.objects.all().delete()
    make(0)
    few = queries()
    for number in range(1, 50):
        make(number)
    assert queries() == few


def test_lists_count_no_further_than_the_cap(
    client: Client, records: Records, make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paginator, "COUNTED_ROWS", 5)
    for number in range(7):
        make_due(records["Email"], title=f"Number {number}")
    with CaptureQueriesContext(connection) as captured:
        response = client.get(address(Notification))
    assert "5+ notifications" in response.content.decode()
    counts = [query["sql"] for query in captured if "COUNT(" in query["sql"]]
    assert len(counts) == 1
    assert "LIMIT 6" in counts[0]
    assert "ORDER BY" not in counts[0]
    Notification.objects.filter(title__in=["Number 5", "Number 6"]).delete()
    assert "5 notifications" in client.get(address(Notification)).content.decode()


def test_pages_within_the_cap_can_be_turned(records: Records, make_due: MakeDue) -> None:
    for number in range(7):
        make_due(records["Email"], title=f"Number {number}")
    pages = CappedPaginator(Notification.objects.order_by("title"), 3)
    assert (pages.count, pages.num_pages) == (7, 3)
    assert [row.title for row in pages.page(3)] == ["Number 6"]


def test_capped_count_is_a_number_that_writes_its_plus(settings: Any) -> None:
    assert str(AtLeast(10_000)) == "10000+"
    assert AtLeast(10_000) == 10_000
    settings.USE_THOUSAND_SEPARATOR = True
    assert str(AtLeast(10_000)) == "10000"


def test_facets_that_would_count_everything_are_off(client: Client, records: Records) -> None:
    with CaptureQueriesContext(connection) as captured:
        client.get(address(Notification) + "?_facets=True")
    assert sum("COUNT(" in query["sql"] for query in captured) == 1


def listed(client: Client, model: Any, query: str) -> set[str]:
    response = client.get(f"{address(model)}?{query}")
    assert response.status_code == 200, query
    return {
        str(getattr(row, "title", None) or row.pk) for row in response.context["cl"].result_list
    }


def test_notifications_are_filtered(client: Client, records: Records, make_due: MakeDue) -> None:
    now = timezone.now()
    make_due(records["Email"], title="waits", scheduled_delivery=now + timedelta(days=1))
    make_due(records["Expo"], title="gone", status=Notification.DELIVERED, attempted_delivery=now)
    target = records["Expo"].target_id
    assert listed(client, Notification, "status__exact=DELIVERED") == {"gone"}
    assert listed(client, Notification, f"target_user_record__target__id__exact={target}") == {
        "gone"
    }
    assert listed(client, Notification, "attempted_delivery__isempty=1") == {"waits"}
    assert listed(client, Notification, "attempted_delivery__isempty=0") == {"gone"}
    assert listed(client, Notification, "") == {"gone", "waits"}


def test_notifications_come_latest_first(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    now = timezone.now()
    for days in (2, 1, 3):
        make_due(records["Email"], title=f"{days}", scheduled_delivery=now - timedelta(days=days))
    rows = client.get(address(Notification)).context["cl"].result_list
    assert [row.title for row in rows] == ["1", "2", "3"]


@pytest.mark.parametrize("model", [UserTarget, TargetUserRecord])
def test_records_come_in_the_order_of_an_index(
    client: Client, records: Records, model: Any
) -> None:
    with CaptureQueriesContext(connection) as captured:
        client.get(address(model))
    (page,) = [
        query["sql"]
        for query in captured
        if "ORDER BY" in query["sql"] and "target_user_record" in query["sql"]
    ]
    order = page.partition("ORDER BY")[2]
    assert re.findall(r"\.[\"`](\w+)", order) == ["user_id", "target_id", "target_user_id"]


def test_user_targets_are_filtered(client: Client, records: Records) -> None:
    me = get_user_model().objects.get(username="ada")
    mine = TargetUserRecord.objects.create(
        user=me, target=records["Email"].target, target_user_id="ada@example.com", active=False
    )
    everything = listed(client, UserTarget, "")
    assert len(everything) == 4
    assert listed(client, UserTarget, "just_me=true") == {str(mine.pk)}
    assert listed(client, UserTarget, "active__exact=0") == {str(mine.pk)}
    assert listed(client, UserTarget, f"target__id__exact={records['Expo'].target_id}") == {
        str(records["Expo"].pk)
    }


def test_opt_outs_are_filtered(client: Client, user: Any) -> None:
    opt_out = NotificationOptOut.objects.create(user=user, active=True)
    assert listed(client, NotificationOptOut, "active__exact=1") == {str(opt_out.pk)}
    assert listed(client, NotificationOptOut, "active__exact=0") == set()


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


def suggestions(client: Client, model: Any, field: str, term: str = "") -> list[str]:
    response = client.get(
        reverse("admin:autocomplete"),
        {
            "app_label": model._meta.app_label,
            "model_name": model._meta.model_name,
            "field_name": field,
            "term": term,
        },
    )
    assert response.status_code == 200
    return [result["text"] for result in json.loads(response.content)["results"]]


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


def new_notification(record: TargetUserRecord | None, **fields: Any) -> dict[str, Any]:
    return {
        "target_user_record": record.pk if record else "",
        "title": "By hand",
        "body": "lorem ipsum...",
        "extra": "{}",
        "scheduled_delivery_0": "2031-01-02",
        "scheduled_delivery_1": "03:04:05",
        "max_retries": "3",
        "priority": "0",
        "retry_time_interval": "5",
        **fields,
    }


def errors_of(response: Any) -> dict[str, list[str]]:
    assert response.status_code == 200
    return dict(response.context["adminform"].form.errors)


def test_a_notification_is_added_as_scheduled(client: Client, records: Records) -> None:
    url = address(Notification, "add")
    assert client.post(url, new_notification(records["Email"])).status_code == 302
    notification = Notification.objects.get(title="By hand")
    assert notification.status == Notification.SCHEDULED
    assert notification.target_user_record == records["Email"]
    assert notification.scheduled_delivery.isoformat() == "2031-01-02T03:04:05+00:00"


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"target_user_record": ""}, "target_user_record"),
        ({"title": ""}, "title"),
        ({"title": "two\nlines"}, "title"),
        ({"title": "x" * 101}, "title"),
        ({"title": "NUL \x00"}, "title"),
        ({"extra": "[]"}, "extra"),
        ({"extra": "{not JSON"}, "extra"),
        ({"extra": '{"a": NaN}'}, "extra"),
        ({"extra": '{"a": [1e999]}'}, "extra"),
        ({"extra": '{"a": "\\u0000"}'}, "extra"),
        ({"extra": '{"\\ud800": 1}'}, "extra"),
        ({"extra": '{"a": %s}' % ("1" * 4301)}, "extra"),
        ({"extra": '{"a": %s}' % ("[" * 31 + "]" * 31)}, "extra"),
        ({"extra": "[" * 100_000}, "extra"),
        ({"body": "NUL \x00"}, "body"),
        ({"scheduled_delivery_0": ""}, "scheduled_delivery"),
        ({"target_user_record": str(uuid.uuid4())}, "target_user_record"),
    ],
)
def test_a_bad_notification_is_an_error_in_the_form(
    client: Client, records: Records, fields: dict[str, str], where: str
) -> None:
    response = client.post(
        address(Notification, "add"), new_notification(records["Email"], **fields)
    )
    assert list(errors_of(response)) == [where]
    assert not Notification.objects.exists()


def test_a_bad_extra_is_told_why_and_shown_again_as_it_was(
    client: Client, records: Records
) -> None:
    typed = '{"price": [NaN]}'
    response = client.post(
        address(Notification, "add"), new_notification(records["Email"], extra=typed)
    )
    (message,) = errors_of(response)["extra"]
    assert message == 'extra["price"][0] is nan, a number that JSON does not have.'
    assert response.context["adminform"].form["extra"].value() == typed
    assert f">\n{typed}</textarea>" in unescape(response.content.decode())


@pytest.mark.parametrize("name", ["attachments", "template_name"])
def test_only_superusers_name_files(
    client: Client, records: Records, make_due: MakeDue, name: str
) -> None:
    staff = staff_client("add_notification", "change_notification")
    bad = json.dumps({name: ["settings.py"]})
    add = address(Notification, "add")
    prefilled = f"{add}?extra={quote(bad)}"
    for url in (add, prefilled):
        errors = errors_of(staff.post(url, new_notification(records["Email"], extra=bad)))
        assert list(errors) == ["extra"]
        assert f"Only superusers may set “{name}” here" in str(errors)
    assert not Notification.objects.exists()

    notification = make_due(records["Email"], extra={name: ["bill.pdf"], "a": 1})
    change = address(Notification, "change", notification.pk)
    for extra in ({name: ["settings.py"], "a": 1}, {name: ["bill.pdf", "settings.py"]}):
        data = {**form_of(staff, change), "extra": json.dumps(extra)}
        assert list(errors_of(staff.post(change, data))) == ["extra"]
    notification.refresh_from_db()
    assert notification.extra == {name: ["bill.pdf"], "a": 1}

    other: dict[str, Any]
    for other in ({name: ["bill.pdf"], "a": 2}, {"a": 3}):
        data = {**form_of(staff, change), "extra": json.dumps(other)}
        assert staff.post(change, data).status_code == 302
        notification.refresh_from_db()
        assert notification.extra == other
    data = {**form_of(staff, change), "extra": bad}
    assert list(errors_of(staff.post(change, data))) == ["extra"]

    assert client.post(add, new_notification(records["Email"], extra=bad)).status_code == 302
    assert client.post(change, {**form_of(client, change), "extra": bad}).status_code == 302


def test_a_repeated_notification_is_an_error_in_the_form(client: Client, records: Records) -> None:
    url = address(Notification, "add")
    client.post(url, new_notification(records["Email"]))
    response = client.post(url, new_notification(records["Email"]))
    assert "already exists" in str(errors_of(response))
    assert Notification.objects.count() == 1


@pytest.mark.parametrize("active", [True, False])
def test_a_notification_for_a_user_with_an_opt_out(
    client: Client, records: Records, active: bool
) -> None:
    NotificationOptOut.objects.create(user=records["Email"].user, active=active)
    response = client.post(address(Notification, "add"), new_notification(records["Email"]))
    if active:
        assert "opted out" in str(errors_of(response))
    else:
        assert response.status_code == 302


def test_what_became_of_a_notification_is_shown_and_cannot_be_edited(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    notification = make_due(
        records["Email"],
        status=Notification.DELIVERED,
        attempted_delivery=timezone.now(),
        response="Email Successfully Sent",
        provider_message_id="SM0123",
        idempotency_key="order-7",
    )
    url = address(Notification, "change", notification.pk)
    page = client.get(url).content.decode()
    for text in ("Email Successfully Sent", "SM0123", "order-7"):
        assert text in page
    data = {
        **form_of(client, url),
        "title": "Another",
        "response": "forged",
        "provider_message_id": "forged",
        "idempotency_key": "forged",
        "retry_attempts": "99",
        "attempted_delivery_0": "2001-01-01",
        "attempted_delivery_1": "00:00:00",
    }
    assert client.post(url, data).status_code == 302
    changed = Notification.objects.get()
    assert changed.title == "Another"
    assert changed.modified_date > notification.modified_date
    for field in (
        "response", "provider_message_id", "idempotency_key", "retry_attempts",
        "attempted_delivery", "scheduled_delivery", "status", "digest", "extra", "body",
    ):  # fmt: skip
        assert getattr(changed, field) == getattr(notification, field), field


def test_a_page_left_open_does_not_undo_a_delivery(
    client: Client, records: Records, make_due: MakeDue, settings: Any
) -> None:
    pigeon = NotificationTarget.objects.create(name="Pigeon", notification_module_name="loft")
    settings.NOTIFICATION_SYSTEM_HANDLERS = ["tests.handlers"]
    record = records["Email"]
    TargetUserRecord.objects.filter(pk=record.pk).update(target=pigeon)
    notification = make_due(record)
    url = address(Notification, "change", notification.pk)
    opened = form_of(client, url)
    assert opened["status"] == Notification.SCHEDULED
    for _ in Run():
        pass
    notification.refresh_from_db()
    assert notification.status == Notification.DELIVERED

    response = client.post(url, {**opened, "title": "Another"})

    assert "has changed since you opened the page" in unescape(str(errors_of(response)))
    again = Notification.objects.get()
    assert (again.status, again.title) == (Notification.DELIVERED, "Test notification")


def test_a_change_writes_only_what_was_changed(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    notification = make_due(records["Email"])
    url = address(Notification, "change", notification.pk)
    with CaptureQueriesContext(connection) as captured:
        client.post(url, {**form_of(client, url), "title": "Another"})
    (update,) = [
        query["sql"]
        for query in captured
        if query["sql"].startswith("UPDATE") and "system_notification" in query["sql"]
    ]
    written = update.partition("WHERE")[0]
    assert "title" in written
    assert "modified_date" in written
    for field in ("status", "claim", "scheduled_delivery", "response", "body"):
        assert field not in written


def test_two_people_do_not_overwrite_each_other(client: Client, records: Records) -> None:
    url = address(UserTarget, "change", records["Email"].pk)
    opened = form_of(client, url)
    TargetUserRecord.objects.get(pk=records["Email"].pk).save()
    response = client.post(url, {**opened, "description": "Late"})
    assert "has changed since" in str(errors_of(response))


def test_the_history_is_shown_with_its_notification(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(loft, title="retry", retry_time_interval=0)
    list(Run())
    client = staff_client("view_notification")
    url = address(Notification, "change", notification.pk)
    with CaptureQueriesContext(connection) as few:
        page = client.get(url).content.decode()
    assert page.count("A hawk was about.") == 2  # the notification's own response is the same
    assert "Failed for now" in page
    now = timezone.now()
    NotificationAttempt.objects.bulk_create(
        NotificationAttempt(
            notification=notification,
            attempted_at=now + timedelta(seconds=number),
            result="RETRY",
            response=f"Hawk number {number}.",
        )
        for number in range(150)
    )
    with CaptureQueriesContext(connection) as many:
        page = client.get(url).content.decode()
    assert len(many) == len(few)
    shown = re.findall(r"Hawk number (\d+)\.", page)
    assert shown == [str(number) for number in range(149, 49, -1)]
    assert "attempts-0-response" not in page


def test_an_attempt_made_meanwhile_does_not_keep_a_change_from_being_saved(
    client: Client, loft: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(loft, title="fail")
    list(Run())
    url = address(Notification, "change", notification.pk)
    opened = form_of(client, url)
    values = {"notification": notification, "result": "RETRY", "response": "A hawk was about."}
    NotificationAttempt.objects.create(attempted_at=timezone.now(), **values)
    response = client.post(url, {**opened, "status": Notification.RETRY, "attempts-0-response": ""})
    assert response.status_code == 302
    notification.refresh_from_db()
    assert notification.status == Notification.RETRY
    assert notification.attempts.count() == 2
    # A form of the project's own need not know of the history.
    bare = {name: value for name, value in opened.items() if not name.startswith("attempts")}
    bare.pop("version")
    assert client.post(url, {**bare, "title": "Another"}).status_code == 302


def test_whoever_may_delete_a_notification_may_delete_its_history(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    notification = make_due(loft, title="fail")
    list(Run())
    client = staff_client("view_notification", "delete_notification")
    response = client.post(address(Notification, "delete", notification.pk), {"post": "yes"})
    assert response.status_code == 302
    assert not NotificationAttempt.objects.exists()


def test_a_notification_can_be_called_off(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    notification = make_due(records["Email"])
    url = address(Notification, "change", notification.pk)
    response = client.post(url, {**form_of(client, url), "status": Notification.CANCELLED})
    assert response.status_code == 302
    list(Run())
    notification.refresh_from_db()
    assert notification.status == Notification.CANCELLED
    assert notification.attempted_delivery is None


@pytest.mark.parametrize(
    ("change", "counted"),
    [
        ({"active": "on"}, 0),
        ({"target_user_id": "other@example.com"}, 0),
        ({"description": "Work"}, 3),
    ],
)
def test_an_address_that_a_person_vouches_for_has_not_bounced(
    change: dict[str, str], counted: int, client: Client, records: Records
) -> None:
    record = records["Email"]
    TargetUserRecord.objects.update(hard_bounces=3, active=False)
    url = address(UserTarget, "change", record.pk)
    assert client.post(url, {**form_of(client, url), **change}).status_code == 302
    record.refresh_from_db()
    assert record.hard_bounces == counted


def test_a_targets_pause_is_shown_and_can_be_ended(client: Client) -> None:
    target = NotificationTarget.objects.get(name="Email")
    until = timezone.now() + timedelta(minutes=5)
    NotificationTarget.objects.update(paused_until=until, pause_reason="No connection.")
    url = address(NotificationTarget, "change", target.pk)
    opened = form_of(client, url)
    assert opened["pause_reason"] == "No connection."
    ended = {"paused_until_0": "", "paused_until_1": "", "pause_reason": ""}
    assert client.post(url, {**opened, **ended}).status_code == 302
    target.refresh_from_db()
    assert (target.paused_until, target.pause_reason) == (None, "")


def test_a_failed_notification_is_sent_again_by_its_status(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    failed = make_due(
        records["Email"], status=Notification.DELIVERY_FAILURE, attempted_delivery=timezone.now()
    )
    url = address(Notification, "change", failed.pk)
    response = client.post(url, {**form_of(client, url), "status": Notification.RETRY})
    assert response.status_code == 302
    failed.refresh_from_db()
    assert failed.status == Notification.RETRY


@pytest.mark.parametrize("status", Notification.ATTEMPTED_STATUSES)
def test_a_status_that_needs_an_attempt_is_an_error_in_the_form(
    client: Client, records: Records, make_due: MakeDue, status: str
) -> None:
    notification = make_due(records["Email"])
    url = address(Notification, "change", notification.pk)
    response = client.post(url, {**form_of(client, url), "status": status})
    assert list(errors_of(response)) == ["status"]
    # A row of release 1.5.3 may already be so, and then a read-only field is to blame.
    Notification.objects.update(status=status)
    response = client.post(url, {**form_of(client, url), "title": "Another"})
    assert "Attempted delivery must be filled out" in str(errors_of(response))


@pytest.mark.parametrize("extra", [None, [], "text"])
def test_a_bad_row_of_release_1_5_3_can_be_opened(
    client: Client, records: Records, make_due: MakeDue, extra: Any
) -> None:
    notification = make_due(records["Email"], extra=extra, title="two\nlines")
    assert client.get(address(Notification)).status_code == 200
    url = address(Notification, "change", notification.pk)
    data = {**form_of(client, url), "extra": "{}", "title": "one line"}
    assert client.post(url, data).status_code == 302
    notification.refresh_from_db()
    assert (notification.extra, notification.title) == ({}, "one line")


def test_text_of_users_is_escaped(client: Client, records: Records, make_due: MakeDue) -> None:
    attack = "<script>alert(1)</script>"
    notification = make_due(records["Email"], title=attack, body=attack, response=attack)
    TargetUserRecord.objects.update(description=attack)
    NotificationTarget.objects.create(name="<b>bold</b>", notification_module_name="nowhere")
    urls = [address(model) for model in (Notification, UserTarget, NotificationTarget)]
    for url in [*urls, address(Notification, "change", notification.pk)]:
        page = client.get(url).content.decode()
        assert attack not in page
        assert "<b>bold</b>" not in page
    assert "&lt;b&gt;bold&lt;/b&gt;" in client.get(address(NotificationTarget)).content.decode()


def test_targets_say_whether_their_handler_is_found(
    client: Client, settings: Any, tmp_path: Any
) -> None:
    (tmp_path / "broken.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "empty.py").write_text("")
    (tmp_path / "works.py").write_text("def send_notification(notification): return 'sent'\n")
    settings.NOTIFICATION_SYSTEM_HANDLERS = [str(tmp_path)]
    for name in ("broken", "empty", "works", "missing"):
        target = NotificationTarget.objects.create(name=name, notification_module_name=name)
    page = unescape(client.get(address(NotificationTarget)).content.decode())
    assert "No module named 'nothing_of_this_name'" in page
    assert "empty.py defines no deliver() or send_notification()" in page
    assert f"{tmp_path}/works.py" in page
    assert f"there is no module 'missing' in {tmp_path}" in page
    change = client.get(address(NotificationTarget, "change", target.pk)).content.decode()
    assert "there is no module" in change


def test_a_target_names_a_module_and_never_a_file(client: Client) -> None:
    data = {"name": "Files", "notification_module_name": "../settings"}
    response = client.post(address(NotificationTarget, "add"), data)
    assert list(errors_of(response)) == ["notification_module_name"]


def test_a_target_with_records_is_not_deleted(client: Client, records: Records) -> None:
    target = records["Email"].target
    client.post(address(NotificationTarget, "delete", target.pk), {"post": "yes"})
    assert NotificationTarget.objects.filter(pk=target.pk).exists()


@pytest.mark.parametrize("way", ["page", "action", "switched off"])
def test_opting_in_again_restores_notifications(
    client: Client, records: Records, make_due: MakeDue, way: str
) -> None:
    later = timezone.now() + timedelta(days=1)
    notification = make_due(records["Email"], scheduled_delivery=later)
    user = records["Email"].user
    client.post(address(NotificationOptOut, "add"), {"user": user.pk, "active": "on"})
    notification.refresh_from_db()
    assert notification.status == Notification.OPTED_OUT
    opt_out = NotificationOptOut.objects.get()
    if way == "page":
        client.post(address(NotificationOptOut, "delete", opt_out.pk), {"post": "yes"})
    elif way == "action":
        selected = {"action": "delete_selected", "_selected_action": opt_out.pk, "post": "yes"}
        client.post(address(NotificationOptOut), selected)
    else:
        url = address(NotificationOptOut, "change", opt_out.pk)
        data = form_of(client, url)
        assert data.pop("active") == "on"
        client.post(url, data)
    notification.refresh_from_db()
    assert notification.status == Notification.SCHEDULED
