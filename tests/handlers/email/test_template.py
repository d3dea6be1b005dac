"""The template that makes a mail's body: what is escaped in it, and what is not."""

from pathlib import Path
from typing import Any

import pytest

from django_notification_system.admin.preview import preview_of
from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.notification_handlers.email.message import build_message

NAME = "O'Brien & <b>sons</b>"
ESCAPED = "O&#x27;Brien &amp; &lt;b&gt;sons&lt;/b&gt;"
ESCAPED_BY_JINJA2 = "O&#39;Brien &amp; &lt;b&gt;sons&lt;/b&gt;"


@pytest.fixture
def templates(settings: Any, tmp_path: Path) -> Path:
    """A folder of templates, for Django's engine."""
    use_engine(settings, tmp_path, "django.template.backends.django.DjangoTemplates")
    return tmp_path


def use_engine(settings: Any, folder: Path, backend: str) -> None:
    others = [{**engine, "NAME": "others"} for engine in settings.TEMPLATES]
    settings.TEMPLATES = [{"BACKEND": backend, "DIRS": [folder], "OPTIONS": {}}, *others]


def of_template(record: TargetUserRecord, name: str, **extra: Any) -> Notification:
    return Notification(
        target_user_record=record,
        title="Hello",
        extra={"template_name": name, "name": NAME, **extra},
        status=Notification.SCHEDULED,
    )


@pytest.mark.parametrize(
    ("file", "extra", "text"),
    [
        ("hello.txt", {}, f"Hello {NAME}"),
        ("HELLO.TXT", {}, f"Hello {NAME}"),
        ("hello.txt.tmpl", {}, f"Hello {NAME}"),
        ("hello", {"content_subtype": "plain"}, f"Hello {NAME}"),
        ("hello.html", {"content_subtype": "plain"}, f"Hello {NAME}"),
    ],
)
def test_plain_text_has_nothing_to_escape(
    file: str, extra: dict[str, str], text: str, templates: Path, email: TargetUserRecord
) -> None:
    (templates / "part.txt").write_text("{{ name }}")
    (templates / file).write_text('Hello {% include "part.txt" %}')
    message = build_message(of_template(email, file, **extra), "shop@example.com")
    assert message.body == text
    assert message.alternatives[0][0] == f'<div dir="auto">Hello {ESCAPED}</div>'


@pytest.mark.parametrize(
    ("file", "extra"),
    [
        ("hello.html", {}),
        ("hello.html.tmpl", {}),
        ("hello", {"content_subtype": "html"}),
        ("hello.txt", {"content_subtype": "html"}),
        ("hello.mjml", {}),
    ],
)
def test_html_is_escaped(
    file: str, extra: dict[str, str], templates: Path, email: TargetUserRecord
) -> None:
    (templates / file).write_text("<p>Hello {{ name }}</p>")
    message = build_message(of_template(email, file, **extra), "shop@example.com")
    assert message.alternatives[0][0] == f"<p>Hello {ESCAPED}</p>"
    assert message.body == f"Hello {NAME}"


@pytest.mark.django_db
def test_the_preview_shows_the_same(templates: Path, email: TargetUserRecord) -> None:
    (templates / "hello.txt").write_text("Hello {{ name }}")
    preview = preview_of(of_template(email, "hello.txt"), may_render=True, with_text=True)
    assert preview.text == f"Hello {NAME}"


@pytest.mark.parametrize(("file", "name"), [("a.txt", NAME), ("a.html", ESCAPED_BY_JINJA2)])
def test_jinja2_escapes_html_alone(
    file: str, name: str, email: TargetUserRecord, settings: Any, tmp_path: Path
) -> None:
    pytest.importorskip("jinja2")
    use_engine(settings, tmp_path, "django.template.backends.jinja2.Jinja2")
    (tmp_path / "part").write_text("{{ name }}")
    (tmp_path / file).write_text("Hello {% include 'part' %}<br>")
    message = build_message(of_template(email, file), "shop@example.com")
    html = file.endswith(".html")
    assert (message.alternatives[0][0] if html else message.body) == f"Hello {name}<br>"
