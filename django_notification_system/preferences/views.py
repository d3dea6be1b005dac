"""The page behind a link to unsubscribe, for people and for mail programs.

Scanners of mail fetch every link, so that GET and HEAD change nothing. The token is the only
credential: neither session nor login is read, because whoever holds the message is meant.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.clickjacking import xframe_options_deny
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from ..models import ConsentLog
from .links import read_unsubscribe_token
from .unsubscribe import Subscription, subscription_of

TEMPLATES = "django_notification_system/preferences"
#: The field that mail programs post (RFC 8058, section 3.1).
ONE_CLICK_FIELD, ONE_CLICK = "List-Unsubscribe", "One-Click"

View = Callable[..., HttpResponse]


def private(view: View) -> View:
    """Keep a page with a token in its address from caches, search engines and other sites.

    Args:
        view: The view.
    """

    @wraps(view)
    def answer(*args: Any, **kwargs: Any) -> HttpResponse:
        response = view(*args, **kwargs)
        response["Referrer-Policy"] = "no-referrer"
        response["Cache-Control"] = "no-store"
        response["X-Robots-Tag"] = "noindex"
        return response

    return xframe_options_deny(answer)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@private
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Show what a link would end, and end it on POST.

    A mail program posts ``List-Unsubscribe=One-Click`` and gets a line of text; the page's buttons
    post an ``action``: ``unsubscribe``, ``undo``, ``all`` or ``undo-all``.

    Raises:
        Http404: When the project has not signed the token, or has no such category any more.
    """
    subject = read_unsubscribe_token(token)
    subscription = None if subject is None else subscription_of(subject)
    if subscription is None:
        raise Http404
    if request.method != "POST":
        return _page(subscription, "")
    if request.POST.get(ONE_CLICK_FIELD) == ONE_CLICK:
        subscription.unsubscribe(how=ConsentLog.How.ONE_CLICK)
        return HttpResponse("Unsubscribed.", content_type="text/plain; charset=utf-8")
    action = request.POST.get("action", "unsubscribe")
    if action in ("unsubscribe", "all"):
        subscription.unsubscribe(how=ConsentLog.How.LINK, everything=action == "all")
    elif action in ("undo", "undo-all"):
        subscription.undo(everything=action == "undo-all")
    else:
        return HttpResponse("There is no such action.", status=400, content_type="text/plain")
    return _page(subscription, action)


def _page(subscription: Subscription, done: str) -> HttpResponse:
    # Without the request: a context processor might read the session.
    context = {
        "category": subscription.category,
        "address": masked(subscription.record.target_user_id) if subscription.record else "",
        "done": done,
    }
    return HttpResponse(render_to_string(f"{TEMPLATES}/unsubscribe.html", context))


def masked(address: str) -> str:
    """Return an address that its owner recognises and nobody else learns: ``a…@example.com``.

    Args:
        address: The address.
    """
    name, at, domain = address.rpartition("@")
    return f"{name[:1]}…{at}{domain}" if at else f"…{address[-3:]}"
