"""A person with ``change_preference`` changes the preferences of somebody else, by the log."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from django_notification_system.categories import Category, known_categories
from django_notification_system.models import (
    ConsentLog,
    NotificationOptOut,
    Preference,
    TargetUserRecord,
    UserTarget,
)
from django_notification_system.preferences import set_preference
from tests.support.admin_site import Records, address, form_of, staff_client

pytestmark = pytest.mark.django_db

PERMISSIONS = ("view_targetuserrecord", "change_preference")


@pytest.fixture(autouse=True)
def categories() -> Iterator[None]:
    with known_categories(
        Category("news", label="Newsletter <3", targets=("email",)),
        Category("club", label="The club", opt_in=True, confirm=True),
        Category("security", label="Security", mandatory=True),
    ):
        yield


def url_of(record: TargetUserRecord) -> str:
    return address(UserTarget, "preferences", record.pk)


def said() -> dict[tuple[str, str], str]:
    rows = Preference.objects.values_list("category", "target_key", "state")
    return {(category, key): state for category, key, state in rows}


def test_what_is_changed_is_stored_and_logged_with_the_name(records: Records) -> None:
    helper = staff_client(*PERMISSIONS)
    url = url_of(records["Email"])
    values = form_of(helper, url)
    assert values["news:email"] == "on"
    del values["news:email"]
    response = helper.post(url, {**values, "news:expo": "on"}, follow=True)
    assert response.redirect_chain == [(address(UserTarget, "change", records["Email"].pk), 302)]
    assert "The preferences of egg are stored." in response.content.decode()
    assert said() == {("news", "email"): "no", ("news", "expo"): "yes"}
    entries = ConsentLog.objects.values_list("user__username", "how", "by__username", "ip")
    by = response.wsgi_request.user.username
    assert set(entries) == {("egg", "admin", by, None)}


def test_the_switch_of_everything_is_the_opt_out(records: Records) -> None:
    helper, url = staff_client(*PERMISSIONS), url_of(records["Email"])
    values = form_of(helper, url)
    del values["everything"]
    helper.post(url, values)
    assert NotificationOptOut.objects.get().user == records["Email"].user
    assert said() == {}


def test_a_yes_that_must_be_confirmed_is_still_to_be_confirmed(records: Records) -> None:
    helper, url = staff_client(*PERMISSIONS), url_of(records["Email"])
    helper.post(url, {**form_of(helper, url), "club:email": "on"})
    assert said() == {("club", "email"): "pending"}
    assert "to be confirmed by the person" in helper.get(url).content.decode()


def test_the_page_shows_what_holds_and_changes_nothing_by_itself(records: Records) -> None:
    set_preference(records["Email"].user, "news", "email", wanted=False, how="page")
    helper, url = staff_client(*PERMISSIONS), url_of(records["Email"])
    values = form_of(helper, url)
    assert "news:email" not in values
    page = helper.get(url).content.decode()
    assert "Newsletter &lt;3" in page
    assert '<input type="checkbox" checked disabled>' in page
    helper.post(url, values)
    assert ConsentLog.objects.count() == 1


def test_an_unknown_box_is_refused(records: Records) -> None:
    helper, url = staff_client(*PERMISSIONS), url_of(records["Email"])
    response = helper.post(url, {**form_of(helper, url), "nwes:email": "on"})
    assert response.status_code == 200
    assert 'role="alert"' in response.content.decode()
    assert said() == {}


@pytest.mark.parametrize(
    "codenames",
    [
        ("view_targetuserrecord",),
        ("change_preference",),
        ("view_targetuserrecord", "view_preference", "add_preference", "delete_preference"),
        ("change_targetuserrecord", "view_consentlog"),
    ],
)
def test_both_permissions_are_needed(records: Records, codenames: tuple[str, ...]) -> None:
    outsider, url = staff_client(*codenames), url_of(records["Email"])
    assert outsider.get(url).status_code == 403
    assert outsider.post(url, {"everything": "on"}).status_code == 403
    assert not ConsentLog.objects.exists()


def test_who_is_not_logged_in_is_sent_to_the_login(client: Client, records: Records) -> None:
    response = client.get(url_of(records["Email"]))
    assert response.status_code == 302
    assert "/login/" in response["Location"]


def test_a_post_needs_the_token_of_the_form(records: Records) -> None:
    helper, url = staff_client(*PERMISSIONS), url_of(records["Email"])
    strict = Client(enforce_csrf_checks=True)
    strict.cookies.update(helper.cookies)
    assert strict.post(url, {"initial-everything": "True"}).status_code == 403
    values = form_of(strict, url)
    assert strict.post(url, values).status_code == 302


def test_there_is_no_page_without_a_person(records: Records) -> None:
    helper, record = staff_client(*PERMISSIONS), records["Email"]
    TargetUserRecord.objects.filter(pk=record.pk).update(user=None)
    assert helper.get(url_of(record)).status_code == 404
    record.delete()
    assert helper.get(url_of(records["Twilio"]).replace("-", "_")).status_code == 404


def test_there_is_no_page_without_categories(records: Records) -> None:
    with known_categories():
        assert staff_client(*PERMISSIONS).get(url_of(records["Email"])).status_code == 403


def test_hidden_targets_stay_hidden(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.contrib import admin

    from django_notification_system.models import NotificationTarget

    targets: Any = admin.site.get_model_admin(NotificationTarget)
    monkeypatch.setattr(
        targets,
        "get_queryset",
        lambda request: NotificationTarget.objects.exclude(name="Expo"),
    )
    helper = staff_client(*PERMISSIONS)
    assert "Expo" not in helper.get(url_of(records["Email"])).content.decode()
    page = helper.get(address(UserTarget, "change", records["Email"].pk)).content.decode()
    assert "<td>Expo</td>" not in page
    assert "<td>Twilio</td>" in page
