"""``html_filters``: functions of a project that change a mail's HTML, and what a wrong one does."""

import re
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.mail import EmailMultiAlternatives

from django_notification_system import notify
from django_notification_system.admin.preview import preview_of
from django_notification_system.contrib import css
from django_notification_system.exceptions import TargetUnavailable
from django_notification_system.mail import QueueBackend
from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.notification_handlers import email as handler
from django_notification_system.notification_handlers.email.html_filters import find_filter
from django_notification_system.notification_handlers.email.message import build_message
from django_notification_system.testing.smtp import SmtpStandIn
from tests.support.documentation import process

STYLED = "<style>p {color: red} @media (max-width: 9px) {p {color: blue}}</style><p>Hi Bob</p>"
INLINED = '<p style="color: red;">Hi Bob</p>'
CSS = "django_notification_system.contrib.css.inline"
HERE = __name__


def louder(html: str) -> str:
    return html.replace("Bob", "BOB!")


def greet(html: str) -> str:
    return html.replace("BOB!", "BOB! How are you?")


def refuse_secrets(html: str) -> str:
    if "secret" in html:
        raise ValueError(f"it has {html}")
    return html


def to_nothing(html: str) -> Any:
    return None


not_callable = "x"


@pytest.fixture
def email(records: dict[str, TargetUserRecord]) -> TargetUserRecord:
    return records["Email"]


@pytest.fixture(autouse=True)
def forget_filters() -> None:
    find_filter.cache_clear()


def use(settings: Any, *names: str) -> None:
    targets = getattr(settings, "NOTIFICATION_SYSTEM_TARGETS", {})
    mail = {**targets.get("email", {}), "html_filters": list(names)}
    settings.NOTIFICATION_SYSTEM_TARGETS = {**targets, "email": mail}


def mail_of(record: TargetUserRecord, body: str) -> Any:
    notification = Notification(target_user_record=record, title="A title", body=body)
    return build_message(notification, "shop@example.com")


def test_rules_are_written_into_the_elements(email: TargetUserRecord, settings: Any) -> None:
    use(settings, CSS)
    mail = mail_of(email, STYLED)
    html = mail.alternatives[0][0]
    assert INLINED in html
    assert "@media" in html
    assert mail.body == "Hi Bob"


def test_no_stylesheet_is_loaded_from_a_file_or_from_the_network(
    tmp_path: Path, mail_server: SmtpStandIn
) -> None:
    (tmp_path / "a.css").write_text("p {color: green}")
    for place in (f"file://{tmp_path}/a.css", f"{tmp_path}/a.css", "https://127.0.0.1:1/a.css"):
        html = css.inline(f'<link rel="stylesheet" href="{place}">{STYLED}')
        assert INLINED in html
        assert "green" not in html


def test_filters_run_in_order_and_the_text_part_is_of_their_html(
    email: TargetUserRecord, settings: Any
) -> None:
    use(settings, f"{HERE}.louder", f"{HERE}.greet")
    mail = mail_of(email, "<p>Hi Bob</p>")
    assert mail.alternatives[0][0] == "<p>Hi BOB! How are you?</p>"
    assert mail.body == "Hi BOB! How are you?"


def test_html_made_of_plain_text_passes_no_filter(email: TargetUserRecord, settings: Any) -> None:
    use(settings, f"{HERE}.louder")
    mail = mail_of(email, "Hi Bob")
    assert mail.body == "Hi Bob"
    assert "BOB" not in mail.alternatives[0][0]


def test_the_preview_shows_what_the_filters_make(email: TargetUserRecord, settings: Any) -> None:
    use(settings, f"{HERE}.louder")
    notification = Notification(
        target_user_record=email, title="A", body="<p>Hi Bob</p>", status=Notification.SCHEDULED
    )
    shown = preview_of(notification, may_render=True)
    assert "Hi BOB!" in shown.html
    assert shown.text is None  # a link shows the text part
    assert preview_of(notification, may_render=True, with_text=True).text == "Hi BOB!"


@pytest.mark.parametrize("body", ["<p>Fine, Bob</p>", "<p>Fine, Ann</p>"])
def test_a_filter_that_raises_fails_its_row_alone(
    user: Any, email: TargetUserRecord, mail_server: SmtpStandIn, settings: Any, body: str
) -> None:
    use(settings, f"{HERE}.refuse_secrets", f"{HERE}.louder")
    notify(user, "First", "<p>A secret</p>", target="Email")
    notify(user, "Second", body, target="Email")
    process()
    failed, sent = Notification.objects.order_by("title")
    assert (failed.status, sent.status) == ("DELIVERY FAILURE", "DELIVERED")
    assert f"the filter '{HERE}.refuse_secrets' of html_filters raised ValueError" in (
        failed.response
    )
    assert "A secret" not in failed.response
    [mail] = mail_server.received
    assert louder(body) in mail.html


def test_a_filter_that_returns_no_text_fails_its_row(
    user: Any, email: TargetUserRecord, mail_server: SmtpStandIn, settings: Any
) -> None:
    use(settings, f"{HERE}.to_nothing")
    notify(user, "First", "<p>A</p>", target="Email")
    process()
    assert "returned NoneType. It must return the HTML" in Notification.objects.get().response


def test_mail_of_the_queue_goes_out_byte_for_byte(
    email: TargetUserRecord, mail_server: SmtpStandIn, settings: Any
) -> None:
    use(settings, f"{HERE}.louder")
    mail = EmailMultiAlternatives("Hi", "Hi Bob", "shop@example.com", ["eggs@example.com"])
    mail.attach_alternative("<p>Hi Bob</p>", "text/html")
    QueueBackend().send_messages([mail])
    process()
    [received] = mail_server.received
    assert "<p>Hi Bob</p>" in received.html


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("shop.nowhere.inline", "which cannot be imported"),
        ("django_notification_system.contrib.css.inlin", "which cannot be imported"),
        (f"{HERE}.not_callable", "a str. Name a function that takes HTML and returns HTML."),
    ],
)
def test_a_wrong_name_is_told_at_start_and_stops_the_target(
    email: TargetUserRecord, settings: Any, name: str, said: str
) -> None:
    use(settings, name)
    [found] = [each for each in run_checks() if str(each.id).endswith("E022")]
    assert found.msg.startswith(
        f"NOTIFICATION_SYSTEM_TARGETS['email']['html_filters'] names {name!r}, "
    )
    assert said in found.msg
    notification = Notification(target_user_record=email, title="A", body="<p>A</p>")
    with pytest.raises(TargetUnavailable, match=re.escape(said)):
        list(handler.deliver([notification]))


def test_without_the_extra_the_check_says_what_to_install(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(settings, CSS)
    monkeypatch.delitem(sys.modules, "django_notification_system.contrib.css")
    monkeypatch.setitem(sys.modules, "css_inline", None)
    [found] = [each for each in run_checks() if str(each.id).endswith("E022")]
    assert "pip install 'django-notification-system[css]'" in found.msg


@pytest.mark.parametrize("value", ["a.b", [1], ["inline"], [""]])
def test_a_value_that_is_no_list_of_names_is_a_wrong_setting(settings: Any, value: Any) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"email": {"html_filters": value}}
    assert any(
        "html_filters" in each.msg and "a list of dotted names" in each.msg
        for each in (run_checks())
    )
