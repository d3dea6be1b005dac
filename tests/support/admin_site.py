"""The admin's pages as a browser sees them: addresses, lists, forms, the logged-in user."""

import json
import uuid
from html.parser import HTMLParser
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import models
from django.test import Client
from django.urls import reverse

from django_notification_system.models import (
    Notification,
    NotificationOptOut,
    NotificationTarget,
    TargetUserRecord,
    UserTarget,
)

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
    """Collects the fields that a browser would send back from a page, unchanged."""

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
    parser.feed(page[page.index('<div id="content-main"') :])
    return parser.data


def listed(client: Client, model: Any, query: str) -> set[str]:
    response = client.get(f"{address(model)}?{query}")
    assert response.status_code == 200, query
    return {
        str(getattr(row, "title", None) or row.pk) for row in response.context["cl"].result_list
    }


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
