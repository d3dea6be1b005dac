"""The inbox, as a project serves it, with items in it."""

from collections.abc import Mapping
from datetime import timedelta
from types import ModuleType
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path
from django.utils import timezone
from django.views.decorators.csrf import csrf_protect

from django_notification_system.contrib.inbox.live.login import Login
from django_notification_system.contrib.inbox.live.streams import Stream
from django_notification_system.contrib.inbox.models import InboxEvent, InboxItem

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
#: Bodies of the site's own pages, by their paths.
PAGES: dict[str, str] = {}
SITE_PAGE = (
    '{% load notification_inbox %}<!DOCTYPE html><html lang="en"><head><title>Site</title>'
    '<meta name="viewport" content="width=device-width"></head><body><main><h1>Site</h1>'
    "TAGS</main></body></html>"
)


@csrf_protect  # as most sites are, by the middleware
def site_page(request: HttpRequest) -> HttpResponse:
    """Show a page of the site with the tags of ``PAGES``."""
    template = engines["django"].from_string(SITE_PAGE.replace("TAGS", PAGES[request.path]))
    return HttpResponse(template.render({}, request))


@login_not_required
def log_in(request: HttpRequest) -> HttpResponse:
    """Stand for the page on which a reader logs in."""
    return HttpResponse("Log in.")


def serve_inbox(settings: Any, pages: Mapping[str, str] = {}) -> None:
    """Have a project serve the inbox at ``/inbox/``, and pages with its tags.

    Args:
        settings: pytest-django's.
        pages: Tags by the path of a page.
    """
    PAGES.clear()
    PAGES.update(pages)
    module = ModuleType("urls_of_test")
    vars(module)["urlpatterns"] = [
        path("inbox/", include("django_notification_system.contrib.inbox.urls")),
        path("login/", log_in),
        *(path(each.removeprefix("/"), site_page) for each in pages),
    ]
    settings.ROOT_URLCONF = module
    settings.LOGIN_URL = "/login/"
    settings.MIDDLEWARE = MIDDLEWARE


def stream_of(user: Any, last_seen: int | None = None) -> Stream:
    """Return the stream of a reader's page, with a login that is not looked at.

    Args:
        user: The reader.
        last_seen: The key of the newest item that the page knows.
    """
    login = Login(user=user, session_class=None, session_key=None, user_key=None)
    return Stream(login, language="en", last_seen=last_seen)


def put(user: Any, title: str = "Your order has shipped", **fields: Any) -> InboxItem:
    """Put an item into a reader's inbox.

    Args:
        user: The reader.
        title: The title.
        fields: Fields of the item, such as ``state``, and of the event, such as ``url``; ``ago``
            is the seconds since the item became visible.
    """
    names = ("state", "visible_from", "expires_at", "read_at")
    of_item = {name: fields.pop(name) for name in names if name in fields}
    if "ago" in fields:
        of_item["visible_from"] = timezone.now() - timedelta(seconds=fields.pop("ago"))
    event = InboxEvent.objects.create(title=title, **fields)
    return InboxItem.objects.create(user=user, event=event, **of_item)
