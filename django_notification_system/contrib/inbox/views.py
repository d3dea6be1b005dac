"""The page of the inbox, which needs no script. GET changes nothing."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import pgettext
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_safe

from ...private_pages import private
from .listing import BadParameter, Listing, listing
from .shown import NAMESPACE

TEMPLATE = "django_notification_system/inbox/page.html"


@private
@csrf_protect  # the forms need the cookie, also where the project has no such middleware
@login_required
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Show a reader's items: all, the unread or the archived ones, twenty at a time."""
    try:
        shown = listing(request.user, request.GET)
    except BadParameter as problem:
        return HttpResponseBadRequest(str(problem), content_type="text/plain; charset=utf-8")
    return render(request, TEMPLATE, _context(request, shown))


def _context(request: HttpRequest, shown: Listing) -> dict[str, Any]:
    own_url = reverse(f"{NAMESPACE}:page")
    is_first = not shown.before and shown.show != "archived"
    return {
        "items": shown.items,
        "views": list(_views(own_url, shown.show)),
        "next": request.get_full_path(),
        "older": _with(own_url, show=shown.show, before=shown.next) if shown.next else "",
        "is_first": is_first,
        "newest_unread": shown.newest_unread,
        # "Mark all" reaches to the newest item that the reader has seen.
        "up_to": shown.items[0].item.pk if is_first and shown.newest_unread else "",
    }


def _views(url: str, current: str) -> Iterator[dict[str, Any]]:
    for show, label in (
        ("", pgettext("inbox", "All")),
        ("unread", pgettext("inbox", "Unread")),
        ("archived", pgettext("inbox", "Archived")),
    ):
        yield {"url": _with(url, show=show), "label": label, "is_current": show == current}


def _with(url: str, **parameters: Any) -> str:
    given = {name: value for name, value in parameters.items() if value}
    return f"{url}?{urlencode(given)}" if given else url
