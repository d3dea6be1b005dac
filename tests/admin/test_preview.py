"""A notification's preview: what its recipient would see, and nothing of it acts."""

import re
import tracemalloc
from html import unescape
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.files.base import ContentFile
from django.core.files.storage import InMemoryStorage, default_storage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from django_notification_system.admin.preview import sealed
from django_notification_system.models import Notification, NotificationTarget, TargetUserRecord
from django_notification_system.notification_handlers.preview import CHARACTERS_SHOWN
from tests.conftest import MakeDue
from tests.support.admin_site import Records, address, staff_client

pytestmark = pytest.mark.django_db

HOSTILE = """<p onclick="alert(1)">Hi</p><script>alert(1)</script>"</iframe>
<img src=x onerror=alert(1)><LINK rel=preconnect href=https://evil.example></link>
<svg onload="alert(1)"></svg>"""


@pytest.fixture
def client() -> Client:
    """The browser of somebody who may only look."""
    return staff_client("view_notification")


@pytest.fixture
def editor() -> Client:
    """The browser of somebody who may change notifications."""
    return staff_client("change_notification")


def show(client: Client, notification: Notification, query: str = "") -> Any:
    name = "admin:django_notification_system_notification_preview"
    response = client.get(f"{reverse(name, args=[notification.pk])}{query}")
    assert response.status_code == 200
    return response


def frame_of(page: str) -> str:
    """Return the document that the frame shows."""
    return unescape(page.partition('srcdoc="')[2].partition('"')[0])


def test_an_email_is_shown_as_it_will_be_sent(
    editor: Client, records: Records, make_due: MakeDue, settings: Any, tmp_path: Any
) -> None:
    settings.MEDIA_ROOT = str(tmp_path)
    default_storage.save("bills/7.pdf", ContentFile(b"x" * 2048))
    extra = {
        "template_name": "preview/breakfast.html",
        "cc": ["cook@example.com"],
        "headers": {"X-Table": "7"},
        "attachments": ["bills/7.pdf"],
        "eggs": 3,
    }
    notification = make_due(records["Email"], title="Breakfast <7>", body="", extra=extra)
    page = show(editor, notification).content.decode()
    assert "<p>3 eggs for Eggs</p>" in frame_of(page)
    for text in (
        "eggs@example.com", "cook@example.com", "X-Table", "7.pdf (2.0", "Breakfast &lt;7&gt;",
        "webmaster@localhost",
    ):  # fmt: skip
        assert text in page
    assert "</pre>" not in page
    assert "3 eggs for Eggs</pre>" in show(editor, notification, "?part=text").content.decode()


def test_an_error_of_a_template_is_shown(
    editor: Client, records: Records, make_due: MakeDue
) -> None:
    notification = make_due(records["Email"], body="", extra={"template_name": "none.html"})
    page = unescape(show(editor, notification).content.decode())
    assert "could not be sent as it is" in page
    assert "the template 'none.html' could not be rendered" in page


def test_a_preview_keeps_nothing_that_a_template_writes(
    editor: Client, records: Records, make_due: MakeDue, monkeypatch: pytest.MonkeyPatch
) -> None:
    def count_greetings(user: Any) -> int:
        return get_user_model().objects.filter(pk=user.pk).update(last_name="Greeted")

    monkeypatch.setattr(get_user_model(), "count_greetings", count_greetings, raising=False)
    notification = make_due(
        records["Email"], body="", extra={"template_name": "preview/writes.html"}
    )
    assert "<p>1 greeted</p>" in frame_of(show(editor, notification).content.decode())
    assert get_user_model().objects.get(username="egg").last_name == "Benedict"


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("DELIVERED", "was rendered when this was sent"),
        ("DELIVERY FAILURE", "was rendered when this was sent"),
        ("CANCELLED", "is not rendered: this is not to be sent"),
    ],
)
def test_a_template_is_not_rendered_anew_when_its_mail_was_sent(
    editor: Client, records: Records, make_due: MakeDue, status: str, said: str
) -> None:
    attempted = None if status == "CANCELLED" else timezone.now()
    notification = make_due(
        records["Email"],
        body="",
        extra={"template_name": "preview/breakfast.html", "cc": ["cook@example.com"]},
        status=status,
        attempted_delivery=attempted,
    )
    for query in ("", "?part=text"):
        page = show(editor, notification, query).content.decode()
        assert f"The template “preview/breakfast.html” {said}" in page
        assert "cook@example.com" in page
        assert "eggs for Eggs" not in page
        assert "<iframe" not in page
    url = address(Notification, "change", notification.pk)
    assert "if it were sent now" not in editor.get(url).content.decode()


def test_a_template_is_rendered_for_those_who_may_change_its_mail(
    client: Client, editor: Client, records: Records, make_due: MakeDue
) -> None:
    extra = {"template_name": "preview/breakfast.html", "eggs": 3}
    notification = make_due(records["Email"], body="", extra=extra)
    page = show(client, notification).content.decode()
    assert "is rendered when this is sent" in page
    assert "eggs for Eggs" not in page
    assert "3 eggs for Eggs" in show(editor, notification).content.decode()
    retried = make_due(
        records["Email"], body="", extra=extra, status="RETRY", attempted_delivery=timezone.now()
    )
    assert "3 eggs for Eggs" in show(editor, retried).content.decode()


class UnreadableStorage(InMemoryStorage):
    """Knows how large its files are, and does not let them be read."""

    def _open(self, name: str, mode: str = "rb") -> Any:
        raise AssertionError(f"{name} was opened")

    def size(self, name: str) -> int:
        if name == "gone.pdf":
            raise FileNotFoundError
        return 5 * 1024**4


@pytest.fixture
def unreadable(settings: Any) -> None:
    """Let the default storage have files that are too large to be read."""
    backend = {"BACKEND": f"{__name__}.UnreadableStorage"}
    settings.STORAGES = {**settings.STORAGES, "default": backend}


@pytest.mark.usefixtures("unreadable")
def test_attachments_are_not_read_to_show_their_sizes(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    paths = [f"bills/{number}.pdf" for number in range(23)]
    notification = make_due(records["Email"], extra={"attachments": paths})
    page = show(client, notification).content.decode()
    assert "19.pdf (5.0\xa0TB)" in page
    assert "20.pdf" not in page
    assert "and 3 more" in page


@pytest.mark.usefixtures("unreadable")
@pytest.mark.parametrize("status", ["SCHEDULED", "DELIVERED"])
def test_a_file_that_is_gone_keeps_only_what_is_to_be_sent_from_being_sent(
    client: Client, records: Records, make_due: MakeDue, status: str
) -> None:
    attempted = timezone.now() if status == "DELIVERED" else None
    notification = make_due(
        records["Email"],
        extra={"attachments": ["gone.pdf"]},
        status=status,
        attempted_delivery=attempted,
    )
    page = unescape(show(client, notification).content.decode())
    could_not = "the attachment 'gone.pdf' is not in the default storage"
    assert (could_not in page) is (status == "SCHEDULED")
    assert ("<td>gone.pdf</td>" in page) is (status == "DELIVERED")


def test_the_text_of_an_html_mail_is_made_on_demand(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    notification = make_due(records["Email"], body="<p>Eggs &amp; ham</p>")
    page = show(client, notification).content.decode()
    assert "<pre" not in page
    assert '<a href="?part=text">' in page
    page = show(client, notification, "?part=text").content.decode()
    assert ">Eggs &amp; ham</pre>" in page
    plain = show(client, make_due(records["Email"], body="Eggs & toast")).content.decode()
    assert ">Eggs &amp; toast</pre>" in plain


@pytest.mark.parametrize("query", ["", "?part=text"])
@pytest.mark.parametrize(
    "body",
    [
        '<div style="padding-left:999999em">' * 60 + "x<br>" * 400,
        "<table><tr>" + "<td>x" * 2_000,
        "<div>" * 2_000,
    ],
)
def test_a_page_takes_little_whatever_the_markup(
    client: Client, records: Records, make_due: MakeDue, body: str, query: str
) -> None:
    notification = make_due(records["Email"], body=body)
    tracemalloc.start()
    try:
        page = show(client, notification, query).content
        _now, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(page) < 8 * len(body) + 10_000
    assert most < 10 * 1024**2


@pytest.mark.parametrize("target", ["Email", "Twilio", "Expo"])
def test_no_more_is_shown_than_a_page_can_hold(
    client: Client, records: Records, make_due: MakeDue, target: str
) -> None:
    body = "x" * CHARACTERS_SHOWN + "end"
    page = show(client, make_due(records[target], body=body)).content.decode()
    assert "Only the beginning is shown" in page
    assert "xend" not in page


def test_hostile_html_stays_in_its_frame(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    notification = make_due(records["Email"], title="</title><script>x</script>", body=HOSTILE)
    response = show(client, notification)
    page = response.content.decode()
    assert page.count("<iframe") == 1
    assert "<iframe sandbox srcdoc=" in page
    assert "<script" not in page
    assert "onerror=alert" in frame_of(page)
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "img-src data:;" in policy
    assert frame_of(page).index("Content-Security-Policy") < frame_of(page).index("Hi</p>")
    assert response["X-Frame-Options"] == "SAMEORIGIN"


@pytest.mark.parametrize(
    "tag", ["<link rel=preconnect>", "<LINK\nrel=x>", "</link>", "<link/x>", "<iFrame src=x>"]
)
def test_links_to_other_servers_are_disarmed(tag: str) -> None:
    assert not re.search(r"</?(link|iframe)", sealed(tag), re.IGNORECASE)
    assert sealed("<linked>").endswith("<linked>")


@pytest.mark.parametrize(("target", "kind"), [("Twilio", "sms"), ("Expo", "push")])
def test_a_phone_shows_texts_and_pushes(
    client: Client, records: Records, make_due: MakeDue, target: str, kind: str
) -> None:
    notification = make_due(
        records[target], title="Ready", body="<b>Eggs</b>", extra={"subtitle": "At last"}
    )
    page = show(client, notification).content.decode()
    assert f'class="phone {kind}"' in page
    assert "&lt;b&gt;Eggs&lt;/b&gt;" in page
    assert "<iframe" not in page
    assert ('<p class="title">Ready</p>' in page) is (kind == "push")
    assert ("At last" in page) is (kind == "push")


def test_a_text_without_a_body_is_its_title(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    notification = make_due(records["Twilio"], title="Ready", body="")
    assert "<p>Ready</p>" in show(client, notification).content.decode()


def test_a_target_of_the_projects_own_shows_title_and_body(
    client: Client, loft: TargetUserRecord, make_due: MakeDue
) -> None:
    page = show(client, make_due(loft, title="Fly", body="Home")).content.decode()
    assert 'class="phone message"' in page
    assert '<p class="title">Fly</p>' in page


def test_a_target_without_a_handler_is_told(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    NotificationTarget.objects.filter(name="Email").update(notification_module_name="nowhere")
    page = unescape(show(client, make_due(records["Email"])).content.decode())
    assert "there is no module 'nowhere'" in page


def test_a_preview_is_for_those_who_may_see_the_notification(
    records: Records, make_due: MakeDue
) -> None:
    notification = make_due(records["Email"])
    url = reverse("admin:django_notification_system_notification_preview", args=[notification.pk])
    assert staff_client("view_targetuserrecord").get(url).status_code == 403
    assert Client().get(url).status_code == 302
    notification.delete()
    assert staff_client("view_notification").get(url).status_code == 404


def test_a_preview_takes_few_queries(client: Client, records: Records, make_due: MakeDue) -> None:
    notification = make_due(records["Email"], body="<p>Hi</p>")
    with CaptureQueriesContext(connection) as captured:
        show(client, notification)
    # Session, person, two kinds of permissions; the notification with record, user and target.
    assert len(captured) == 8


def test_a_notifications_page_frames_its_preview(
    client: Client, records: Records, make_due: MakeDue
) -> None:
    notification = make_due(records["Email"], body="<p>Hi</p>")
    page = client.get(address(Notification, "change", notification.pk)).content.decode()
    assert f'sandbox src="{address(Notification, "preview", notification.pk)}"' in page
    add = staff_client("add_notification").get(address(Notification, "add")).content.decode()
    assert "<iframe" not in add


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("SCHEDULED", ["send_now", "cancel", "reschedule"]),
        ("DELIVERY FAILURE", ["retry_failed"]),
        ("DELIVERED", []),
    ],
)
def test_a_notifications_page_offers_the_actions_that_are_for_it(
    records: Records, make_due: MakeDue, status: str, expected: list[str]
) -> None:
    attempted = None if status == "SCHEDULED" else timezone.now()
    notification = make_due(records["Email"], status=status, attempted_delivery=attempted)
    url = address(Notification, "change", notification.pk)
    everybody = Client()
    everybody.force_login(get_user_model().objects.create_superuser("ada"))
    offered = [name for name, _label in everybody.get(url).context["possible_actions"]]
    assert offered == expected
    assert staff_client("view_notification").get(url).context["possible_actions"] == []
    for name in expected:
        data = {"action": name, "_selected_action": notification.pk}
        page = everybody.post(address(Notification), data).content.decode()
        assert 'name="confirmed"' in page
