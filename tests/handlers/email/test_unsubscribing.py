"""How a mail's reader unsubscribes: the headers on the wire, the links, the footer."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import translation

from django_notification_system import notify
from django_notification_system.admin.preview import preview_of
from django_notification_system.categories import Category, known_categories
from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.notification_handlers.email import list_headers
from django_notification_system.notification_handlers.email import unsubscribing as module
from django_notification_system.notification_handlers.email.cannot_build_message import (
    CannotBuildMessage,
)
from django_notification_system.notification_handlers.email.message import build_message
from django_notification_system.notification_handlers.email.message_bytes import written_mail
from django_notification_system.notification_handlers.email.queued_mail import bytes_of
from django_notification_system.preferences.links import (
    preferences_url,
    read_unsubscribe_token,
    unsubscribe_url,
)
from django_notification_system.testing.smtp import SmtpStandIn
from tests.support.email_faults import use_server
from tests.support.preferences_support import BASE_URL, serve_preferences

NEWS = Category("news", label="News & more")
ORDERS = Category("orders", label="Orders", one_click=False)
SECURITY = Category("security", label="Security", mandatory=True)
URL = re.compile(r"<(https://www\.example\.com/n/u/([A-Za-z0-9._-]+)/)>")
HEADERS = {"list-unsubscribe", "list-unsubscribe-post", "list-id"}


@pytest.fixture(autouse=True)
def urls(settings: Any) -> Iterator[None]:
    serve_preferences(settings)
    with known_categories(NEWS, ORDERS, SECURITY):
        yield


def of_category(record: TargetUserRecord, category: str = "news", **values: Any) -> Notification:
    values = {"title": "June", "body": "Hello", "status": Notification.SCHEDULED, **values}
    return Notification(target_user_record=record, category=category, **values)


def built(record: TargetUserRecord, category: str = "news", **values: Any) -> Any:
    return build_message(of_category(record, category, **values), "shop@example.com")


@pytest.mark.django_db
def test_the_headers_reach_the_server_as_written_and_the_link_works(
    email: TargetUserRecord, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM |= {"UNSUBSCRIBE_MAILTO": "unsubscribe@example.com"}
    with SmtpStandIn() as server:
        use_server(settings, server)
        notify(email.user, "June", "Hello", target="Email", category="news")
        call_command("process_notifications", verbosity=0)
        [received] = server.received
    url = unsubscribe_url(email, "news")
    token = url.split("/")[-2]
    assert f"\r\nList-Unsubscribe: <{url}>,\r\n <mailto:".encode() in received.raw
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in received.raw
    assert received["List-Unsubscribe"] == (
        f"<{url}>, <mailto:unsubscribe@example.com?subject={token}>"
    )
    assert received["List-Id"] == "<news.www.example.com>"

    answer = Client(enforce_csrf_checks=True).post(
        url.removeprefix(BASE_URL), {"List-Unsubscribe": "One-Click"}
    )

    assert answer.status_code == 200
    notify(email.user, "July", "Hello", target="Email", category="news", quiet=True)
    notify(email.user, "Order", "Hello", target="Email", category="orders")
    notify(email.user, "Login", "Hello", target="Email", category="security")
    assert list(Notification.objects.order_by("title").values_list("title", flat=True)) == [
        "June",
        "Login",
        "Order",
    ]


@pytest.mark.parametrize("category", ["", "orders", "security", "gone"])
def test_other_mails_have_neither_headers_nor_footer(
    category: str, email: TargetUserRecord
) -> None:
    message = built(email, category)
    assert HEADERS.isdisjoint(map(str.lower, message.extra_headers))
    assert message.body == "Hello"
    assert list_headers(of_category(email, category)) == {}


def test_without_a_base_url_there_are_none(email: TargetUserRecord, settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {}
    assert HEADERS.isdisjoint(map(str.lower, built(email).extra_headers))


def test_the_token_names_record_and_category(email: TargetUserRecord) -> None:
    found = URL.match(built(email).extra_headers["List-Unsubscribe"])
    assert found is not None
    subject = read_unsubscribe_token(found[2])
    assert subject is not None
    assert (subject.record_id, subject.category) == (email.pk, "news")


def test_all_attempts_have_the_same_headers(email: TargetUserRecord) -> None:
    notification = of_category(email)
    first, second = (build_message(notification, "shop@example.com") for _ in range(2))
    assert first.extra_headers == second.extra_headers
    assert first.body == second.body


@pytest.mark.parametrize(
    ("given", "kept", "left_out"),
    [
        ({"list-unsubscribe": "<https://a.example/>"}, {"List-Id"}, {"List-Unsubscribe-Post"}),
        ({"List-ID": "<own.example>"}, {"List-Unsubscribe", "List-Unsubscribe-Post"}, {"List-Id"}),
    ],
)
def test_headers_of_the_mails_own_win(
    given: dict[str, str], kept: set[str], left_out: set[str], email: TargetUserRecord
) -> None:
    headers = built(email, extra={"headers": given}).extra_headers
    assert given.items() <= headers.items()
    assert kept <= headers.keys()
    assert left_out.isdisjoint(headers)


def test_a_plain_mail_ends_with_the_footer_in_both_parts(email: TargetUserRecord) -> None:
    message = built(email, body="Hello <b>\n")
    url = unsubscribe_url(email, "news")
    assert message.body == (
        "Hello <b>\n\nYou get this because you are subscribed to “News & more”.\n"
        f"Unsubscribe: {url}\n"
        f"Choose what you get: {preferences_url(email)}\n"
    )
    html = message.alternatives[0][0]
    assert html.startswith('<div dir="auto">Hello &lt;b&gt;')
    assert f'<a href="{url}"' in html
    assert "“News &amp; more”" in html


def test_the_footer_of_an_html_mail_stands_within_the_body(email: TargetUserRecord) -> None:
    message = built(email, body="<html><body><p>Hello</p></BODY></html>")
    html = message.alternatives[0][0]
    assert re.search(r"<p>Hello</p>.*<a href=.*</p>\s*</BODY></html>$", html, re.DOTALL)
    assert message.body.startswith("Hello\n\nYou get this")


def test_letters_that_grow_in_small_do_not_move_the_footer(email: TargetUserRecord) -> None:
    """In small letters, \u0130 is two characters."""
    message = built(email, body="<html><body><p>\u0130stanbul, \u0130zmir</p></BODY></html>")
    html = message.alternatives[0][0]
    assert re.search(r"\u0130zmir</p>\s*<[^/].*<a href=.*</p>\s*</BODY></html>$", html, re.DOTALL)


@pytest.mark.parametrize("name", ["unsubscribe_url", "preferences_url"])
def test_a_template_with_a_link_gets_no_footer(
    name: str, email: TargetUserRecord, settings: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(module, "preferences_url", lambda record: f"{BASE_URL}/n/p/token/")
    engine = {"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [tmp_path]}
    settings.TEMPLATES = [engine, *({**each, "NAME": "x"} for each in settings.TEMPLATES)]
    (tmp_path / "news.html").write_text(f'<p>Hello</p><a href="{{{{ {name} }}}}">Bye</a>')
    message = built(email, body="", extra={"template_name": "news.html"})
    html = message.alternatives[0][0]
    assert html.startswith(f'<p>Hello</p><a href="{BASE_URL}/n/')
    assert "You get this" not in html + message.body


def test_the_footer_can_be_switched_off(email: TargetUserRecord, settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM |= {"UNSUBSCRIBE_FOOTER": False}
    message = built(email)
    assert message.body == "Hello"
    assert "List-Unsubscribe" in message.extra_headers


def test_a_footer_of_the_projects_that_fails_names_the_templates(
    email: TargetUserRecord, settings: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "django_notification_system" / "email"
    folder.mkdir(parents=True)
    (folder / "footer.txt").write_text("{% include 'not_there.txt' %}")
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [tmp_path]}]
    with pytest.raises(CannotBuildMessage, match="footer could not be rendered"):
        built(email)


def test_the_footer_is_rendered_once_for_many_mails_and_speaks_the_language(
    email: TargetUserRecord, monkeypatch: Any
) -> None:
    rendered: list[str] = []
    render = module.render

    def counted(name: str, *args: Any) -> str:
        rendered.append(name)
        return render(name, *args)

    monkeypatch.setattr(module, "render", counted)
    footers = module.Footers()
    other = TargetUserRecord(user=email.user, target=email.target, target_user_id="a@example.com")
    texts = [
        build_message(of_category(record), "shop@example.com", None, footers).body
        for record in (email, other, email)
    ]
    assert len(rendered) == 2
    assert texts[0] == texts[2] != texts[1]
    assert unsubscribe_url(other, "news") in texts[1]
    assert "invalid" not in "".join(texts)
    with translation.override("de"):
        german = build_message(of_category(email), "shop@example.com", None, footers).body
    assert "Abbestellen: https://" in german


def test_the_mail_is_written_without_pythons_email_package_and_as_django_writes_it(
    email: TargetUserRecord, settings: Any
) -> None:
    settings.NOTIFICATION_SYSTEM |= {"UNSUBSCRIBE_MAILTO": "unsubscribe@example.com"}
    message = built(email, body="Hello")
    written = written_mail(message)
    assert written is not None
    of_django = bytes_of(message)
    for name in HEADERS:
        lines = re.compile(rb"\r\n" + name.encode() + rb":.*\r\n(?: .*\r\n)*", re.IGNORECASE)
        assert lines.search(written.content)[0] == lines.search(of_django)[0]  # type: ignore[index]


def test_the_preview_has_a_link_that_does_nothing(email: TargetUserRecord) -> None:
    shown = preview_of(of_category(email), may_render=True, with_text=True)
    everything = f"{shown.html}{shown.text}{shown.headers}"
    assert f"{BASE_URL}/n/u/shown-only/" in everything
    assert unsubscribe_url(email, "news").split("/")[-2] not in everything
    assert Client().get("/n/u/shown-only/").status_code == 404
