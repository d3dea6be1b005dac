"""The inbox in a site's own templates: ``{% load notification_inbox %}``."""

from types import SimpleNamespace
from typing import Any

from django import template
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.asgi import ASGIRequest
from django.template import TemplateSyntaxError
from django.template.context import Context
from django.urls import NoReverseMatch, reverse

from ....conf import engine_settings
from ..current import CurrentInbox, inbox_of
from ..listing import newest
from ..shown import NAMESPACE
from ..unread import Unread

TEMPLATES = "django_notification_system/inbox"

register = template.Library()


@register.simple_tag(takes_context=True)
def inbox_unread(context: Context) -> Unread:
    """Return the number of unread items, which prints as ``5`` or ``99+``.

    Args:
        context: The template's context.
    """
    return _inbox(context).unread


@register.inclusion_tag(f"{TEMPLATES}/bell.html", takes_context=True)
def inbox_bell(context: Context) -> dict[str, Any]:
    """Show a bell with the number of unread items, which stays up to date; without a login nothing.

    Args:
        context: The template's context.

    Raises:
        ImproperlyConfigured: When the project's URLs do not include the inbox's.
    """
    options = engine_settings()
    has_events = isinstance(context.get("request"), ASGIRequest) and options.sse_connections > 0
    inbox = _inbox(context)
    try:
        stream = reverse(f"{NAMESPACE}:stream") if inbox else ""
    except NoReverseMatch as error:
        raise ImproperlyConfigured(
            "{% inbox_bell %} leads to the inbox's pages, and the URLs have none: add"
            " path('inbox/', include('django_notification_system.contrib.inbox.urls')) to"
            " urlpatterns."
        ) from error
    return {
        "inbox": inbox,
        "poll": options.inbox_poll_seconds,
        "stream": stream if has_events else "",
    }


@register.inclusion_tag(f"{TEMPLATES}/list.html", takes_context=True)
def inbox_list(context: Context, count: int = 20) -> dict[str, Any]:
    """Show the newest items; without a login nothing.

    Args:
        context: The template's context.
        count: The most items.

    Raises:
        TemplateSyntaxError: When ``count`` is no positive number; a misspelt variable is a text.
    """
    if not isinstance(count, int) or count < 1:
        raise TemplateSyntaxError(
            f"inbox_list takes a number of items, such as {{% inbox_list 20 %}}, not {count!r}."
        )
    inbox = _inbox(context)
    request = context.get("request")
    shown = newest(inbox.user, count) if inbox else None
    return {
        "inbox": inbox,
        "items": shown.items if shown else (),
        "newest_unread": shown.newest_unread if shown else "",
        "next": "" if request is None else request.get_full_path(),
        "csrf_token": context.get("csrf_token"),
    }


def _inbox(context: Context) -> CurrentInbox:
    """Return the reader's inbox; a template without a request may have a ``user``.

    Args:
        context: The template's context.
    """
    request = context.get("request")
    return inbox_of(SimpleNamespace(user=context.get("user")) if request is None else request)
