"""The mail that a notification becomes: its parts, its headers, what extra adds."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.mail import EmailMultiAlternatives

from django_notification_system.exceptions import TargetUnavailable
from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.notification_handlers.email.cannot_build_message import (
    CannotBuildMessage,
)
from django_notification_system.notification_handlers.email.message import build_message
from django_notification_system.notification_handlers.email.sender_address import sender

SENDER = "Shop <shop@example.com>"


@pytest.fixture
def email(records: dict[str, TargetUserRecord]) -> TargetUserRecord:
    return records["Email"]


def build(record: TargetUserRecord, **fields: Any) -> EmailMultiAlternatives:
    values = {"title": "A title", "body": "lorem ipsum...", **fields}
    return build_message(Notification(target_user_record=record, **values), SENDER)


def html_part(message: EmailMultiAlternatives) -> str:
    [(content, mimetype)] = message.alternatives
    assert mimetype == "text/html"
    return str(content)


def test_plain_text_stays_and_its_html_part_shows_the_same(email: TargetUserRecord) -> None:
    body = 'Hi Bob,\n\nYour code: <b & "c">\r\n\u05e9\u05dc\n'
    message = build(email, body=body)
    assert message.body == body
    assert html_part(message) == (
        '<div dir="auto">Hi Bob,<br>\n<br>\nYour code: &lt;b &amp; &quot;c&quot;&gt;<br>\n'
        "\u05e9\u05dc<br>\n</div>"
    )


def test_html_stays_and_gets_a_text_part(email: TargetUserRecord) -> None:
    body = "<p>Hi <b>Bob</b></p>"
    message = build(email, body=body)
    assert html_part(message) == body
    assert message.body == "Hi Bob"


def test_html_without_words_gets_the_title_as_its_text(email: TargetUserRecord) -> None:
    assert build(email, body='<img src="x.png">').body == "A title"


@pytest.mark.parametrize("extra", [None, [], ["cc"], "text", 5, {}, {"other": object}])
def test_an_extra_of_any_kind_without_our_keys_is_no_obstacle(
    extra: Any, email: TargetUserRecord
) -> None:
    message = build(email, extra=extra)
    assert (message.body, message.to, message.cc) == ("lorem ipsum...", ["eggs@example.com"], [])


def test_an_empty_body_is_sent_as_it_is(email: TargetUserRecord) -> None:
    message = build(email, body="")
    assert (message.body, message.alternatives) == ("", [])


@pytest.mark.parametrize(
    ("body", "subtype", "text", "html"),
    [
        ("<p>Hi</p>", "plain", "<p>Hi</p>", '<div dir="auto">&lt;p&gt;Hi&lt;/p&gt;</div>'),
        ("Fish &amp; chips", "html", "Fish & chips", "Fish &amp; chips"),
    ],
)
def test_content_subtype_settles_what_the_body_is(
    body: str, subtype: str, text: str, html: str, email: TargetUserRecord
) -> None:
    message = build(email, body=body, extra={"content_subtype": subtype})
    assert (message.body, html_part(message)) == (text, html)


def test_what_no_mail_can_carry_is_left_out(email: TargetUserRecord) -> None:
    message = build(email, title="A\x00 ti\x1ftle\ud800", body="lo\x00rem \ud800ipsum")
    assert (message.subject, message.body) == ("A ti tle?", "lorem ?ipsum")


def test_a_template_is_rendered_when_the_mail_is_sent(email: TargetUserRecord) -> None:
    extra = {"template_name": "mail/welcome.html", "dish": "ham & eggs"}
    message = build(email, body="", extra=extra)
    assert html_part(message).startswith("<p>Hello Eggs, you ordered ham &amp; eggs.</p>")
    assert message.body == (
        "Hello Eggs, you ordered ham & eggs.\n\nA title: your order <https://example.com/orders/7>"
    )


def test_the_project_may_say_that_all_bodies_are_plain(
    email: TargetUserRecord, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"email": {"content_subtype": "plain"}}
    body = 'Bob wrote: <img src="https://example.com/spy.png">'
    plain = build(email, body=body)
    assert plain.body == body
    assert "&lt;img" in html_part(plain)
    html = build(email, body=body, extra={"content_subtype": "html"})
    assert html_part(html) == body


def test_a_text_template_makes_a_plain_mail(email: TargetUserRecord) -> None:
    extra = {"template_name": "mail/welcome.txt", "dish": "<b>ham</b>"}
    assert build(email, body="", extra=extra).body == "Hello Eggs, you ordered <b>ham</b>.\n"


def test_the_keys_of_extra_win_over_those_that_we_add(email: TargetUserRecord) -> None:
    extra = {"template_name": "mail/welcome.html", "user": {"first_name": "Ham"}}
    assert "Hello Ham" in build(email, body="", extra=extra).body


def test_a_body_is_preferred_to_a_template(email: TargetUserRecord) -> None:
    assert build(email, extra={"template_name": "mail/welcome.html"}).body == "lorem ipsum..."


def test_extra_adds_recipients_headers_and_attachments(
    email: TargetUserRecord, settings: Any, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    path = storages["default"].save("bills/7.pdf", ContentFile(b"%PDF \x00\xff"))
    message = build(
        email,
        extra={
            "cc": ["Ham <ham@example.com>", "spam@example.com"],
            "bcc": "archive@example.com",
            "reply_to": "help@example.com",
            "headers": {"X-Campaign": "spring", "X-Number": 7},
            "attachments": [path],
        },
    )
    assert message.cc == ["Ham <ham@example.com>", "spam@example.com"]
    assert message.bcc == ["archive@example.com"]
    assert message.reply_to == ["help@example.com"]
    assert message.extra_headers["X-Campaign"] == "spring"
    assert message.extra_headers["X-Number"] == "7"
    assert [tuple(part) for part in message.attachments] == [
        ("7.pdf", b"%PDF \x00\xff", "application/pdf")
    ]


def test_the_message_id_is_the_same_in_every_attempt(email: TargetUserRecord) -> None:
    notification = Notification(target_user_record=email, title="A title", body="lorem")
    ids = {build_message(notification, SENDER).extra_headers["Message-ID"] for _ in range(2)}
    assert ids == {f"<{notification.pk}@example.com>"}


@pytest.mark.parametrize(
    ("from_email", "domain"),
    [("grüße@münchen.example", "xn--mnchen-3ya.example"), ("webmaster", "localhost")],
)
def test_the_message_id_has_a_domain_that_mail_can_carry(
    from_email: str, domain: str, email: TargetUserRecord
) -> None:
    message = build_message(Notification(target_user_record=email, title="A title"), from_email)
    assert message.extra_headers["Message-ID"].endswith(f"@{domain}>")


def test_extra_may_set_the_message_id(email: TargetUserRecord) -> None:
    message = build(email, extra={"headers": {"message-id": "<mine@example.com>"}})
    assert message.extra_headers == {"message-id": "<mine@example.com>"}


@pytest.mark.parametrize(
    ("extra", "named"),
    [
        ({"cc": 5}, "extra['cc']"),
        ({"cc": [5]}, "extra['cc']"),
        ({"cc": [" "]}, "extra['cc']"),
        ({"bcc": {"a": 1}}, "extra['bcc']"),
        ({"reply_to": ["a@example.com\nBcc: all@example.com"]}, "extra['reply_to']"),
        ({"headers": ["X-A"]}, "extra['headers']"),
        ({"headers": {"X-A": ["b"]}}, "extra['headers']['X-A']"),
        ({"headers": {"X-A": True}}, "extra['headers']['X-A']"),
        ({"headers": {"X-A": "b\r\nBcc: all@example.com"}}, "extra['headers']['X-A']"),
        ({"headers": {"X-A: b\nBcc": "all@example.com"}}, "no header's name"),
        ({"headers": {"Größe": "b"}}, "no header's name"),
        ({"headers": {"Bcc": "all@example.com"}}, "use extra['bcc']"),
        ({"headers": {"Content-Type": "text/x"}}, "must not set Content-Type"),
        ({"attachments": 7}, "extra['attachments']"),
        ({"attachments": ["gone.pdf"]}, "'gone.pdf'"),
        ({"attachments": ["../../etc/passwd"]}, "'../../etc/passwd'"),
        ({"attachments": [""]}, "attachment ''"),
        ({"content_subtype": "rtf"}, "extra['content_subtype']"),
        ({"content_subtype": ["html"]}, "extra['content_subtype']"),
    ],
)
def test_what_is_wrong_in_extra_is_named(
    extra: dict[str, Any], named: str, email: TargetUserRecord, settings: Any, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    with pytest.raises(CannotBuildMessage) as raised:
        build(email, extra=extra)
    assert named in str(raised.value)
    assert not raised.value.temporary


@pytest.mark.parametrize("media_root", ["", ".", Path(), None])
def test_a_projects_own_files_are_never_attached(
    media_root: Any,
    email: TargetUserRecord,
    settings: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Django's MEDIA_ROOT is empty by default: the folder that the process runs in."""
    (tmp_path / "settings.py").write_text("SECRET_KEY = 'planted'")
    monkeypatch.chdir(tmp_path)
    settings.MEDIA_ROOT = media_root
    with pytest.raises(CannotBuildMessage, match="Set MEDIA_ROOT to a folder of its own") as raised:
        build(email, extra={"attachments": ["settings.py"]})
    assert not raised.value.temporary
    assert build(email, extra={"attachments": []}).attachments == []


@pytest.mark.parametrize(
    "storage",
    [
        {"BACKEND": "django.core.files.storage.InMemoryStorage"},
        {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": "a"}},
    ],
    ids=["in memory", "with a location"],
)
def test_a_storage_of_its_own_needs_no_media_root(
    storage: dict[str, Any],
    email: TargetUserRecord,
    settings: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    settings.MEDIA_ROOT = ""
    settings.STORAGES = {**settings.STORAGES, "default": storage}
    storages["default"].save("7.txt", ContentFile(b"seven"))
    [attachment] = build(email, extra={"attachments": ["7.txt"]}).attachments
    assert attachment[:2] == ("7.txt", "seven")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mail/deleted.html", "'mail/deleted.html' could not be rendered (TemplateDoesNotExist"),
        ("mail/does_not_compile.html", "TemplateSyntaxError"),
        (["a"], "extra['template_name']"),
    ],
)
def test_a_template_that_does_not_work_is_named(
    name: Any, said: str, email: TargetUserRecord
) -> None:
    with pytest.raises(CannotBuildMessage) as raised:
        build(email, body="", extra={"template_name": name})
    assert said in str(raised.value)


@pytest.mark.parametrize("address", ["", " ", "a@example.com\nBcc: all@example.com"])
def test_an_address_that_is_none_is_named(address: str, email: TargetUserRecord) -> None:
    email.target_user_id = address
    with pytest.raises(CannotBuildMessage, match="the target user record"):
        build(email)


def test_a_title_with_a_line_break_is_named(email: TargetUserRecord) -> None:
    with pytest.raises(CannotBuildMessage, match="the title has a line break"):
        build(email, title="A title\nBcc: all@example.com")


def test_the_sender_is_the_targets_or_djangos(settings: Any) -> None:
    settings.DEFAULT_FROM_EMAIL = "django@example.com"
    assert sender() == "django@example.com"
    settings.NOTIFICATION_SYSTEM_TARGETS = {"email": {"from_email": "ours@example.com"}}
    assert sender() == "ours@example.com"


@pytest.mark.parametrize(
    "address", ["a@example.com\nBcc: all@example.com", 5, "jörg@example.com", "a\u200b@example.com"]
)
def test_a_sender_that_is_no_address_stops_the_target(address: Any, settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"email": {"from_email": address}}
    with pytest.raises(TargetUnavailable, match="from_email"):
        sender()
