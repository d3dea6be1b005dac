"""The pages for people: unsubscribe, and preferences.

Scanners of mail fetch every link, so that GET and HEAD change nothing. On a page with a token in
its address, the token is the only credential: neither session nor login is read, because whoever
holds the message is meant.
"""

import logging
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required, login_required
from django.core.exceptions import ValidationError
from django.core.validators import validate_ipv46_address
from django.db import router, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.clickjacking import xframe_options_deny
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from ..exceptions import TargetUnavailable
from ..models import ConsentLog, Preference, TargetUserRecord
from ..private_pages import View, private
from .forms import PreferencesForm
from .links import APP_NAME, read_preferences_token, read_unsubscribe_token
from .owners import UserOwner, owner_of
from .unsubscribe import Unsubscription, unsubscription_of

TEMPLATES = "django_notification_system/preferences"
#: The field that mail programs post (RFC 8058, section 3.1).
ONE_CLICK_FIELD, ONE_CLICK = "List-Unsubscribe", "One-Click"

TEXT = "text/plain; charset=utf-8"

logger = logging.getLogger("django_notification_system")


def behind_token(view: View) -> View:
    """Keep a page with a token in its address from caches, search engines and other sites.

    A process that cannot import a target's module answers 503: the word is not stored where no
    other process would find it, and mail programs post again.

    Args:
        view: The view.
    """

    @private
    @wraps(view)
    def answer(*args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response = view(*args, **kwargs)
        except TargetUnavailable as error:
            logger.error("A page of preferences cannot be shown: %s", error)
            response = HttpResponse("Please try again later.", status=503, content_type=TEXT)
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex"
        return response

    return xframe_options_deny(answer)


# Also with ATOMIC_REQUESTS, each word has a transaction of its own: only so can a word be repeated
# after a deadlock.
@transaction.non_atomic_requests
@login_not_required  # the credential is the token
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@behind_token
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Show what a link would end, and end it on POST.

    A mail program posts ``List-Unsubscribe=One-Click`` and gets a line of text; the page's buttons
    post an ``action``: ``unsubscribe``, ``undo``, ``all`` or ``undo-all``. For a record that was
    deleted, the answer is 410 (gone), and nothing changes: the token names no address, and the
    page offers the preferences behind the login.

    Raises:
        Http404: When the project has not signed the token, or has no such category any more.
    """
    subject = read_unsubscribe_token(token)
    unsubscription = None if subject is None else unsubscription_of(subject)
    if unsubscription is None:
        raise Http404
    if unsubscription.record is None:
        return _gone(request, unsubscription)
    if request.method != "POST":
        return _page(unsubscription, "")
    if request.POST.get(ONE_CLICK_FIELD) == ONE_CLICK:
        unsubscription.unsubscribe(how=ConsentLog.How.ONE_CLICK)
        return HttpResponse("Unsubscribed.", content_type=TEXT)
    action = request.POST.get("action", "unsubscribe")
    if action in ("unsubscribe", "all"):
        unsubscription.unsubscribe(how=ConsentLog.How.LINK, everything=action == "all")
    elif action in ("undo", "undo-all"):
        unsubscription.undo(everything=action == "undo-all")
    else:
        return HttpResponse("There is no such action.", status=400, content_type=TEXT)
    return _page(unsubscription, action)


def _gone(request: HttpRequest, unsubscription: Unsubscription) -> HttpResponse:
    # No "unsubscribed": messages may come to a newer record of the same person or address.
    if ONE_CLICK_FIELD in request.POST:
        return HttpResponse("The address was deleted here.", status=410, content_type=TEXT)
    return _page(unsubscription, "", status=410)


def _page(unsubscription: Unsubscription, done: str, *, status: int = 200) -> HttpResponse:
    # Without the request: a context processor might read the session.
    context = {
        "category": unsubscription.category,
        "address": masked(unsubscription.record.target_user_id) if unsubscription.record else "",
        "is_gone": unsubscription.record is None,
        "preferences_url": reverse(f"{APP_NAME}:preferences"),
        "done": done,
    }
    return HttpResponse(render_to_string(f"{TEMPLATES}/unsubscribe.html", context), status=status)


@transaction.non_atomic_requests
@never_cache
@csrf_protect
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    """Show the preferences of the user who is logged in, and store what the user changes."""
    owner = UserOwner(request.user, how=ConsentLog.How.PAGE, ip=_ip(request))
    form = PreferencesForm(owner, request.POST if request.method == "POST" else None)
    if _is_stored(form):
        return _to_itself(request)
    return render(request, f"{TEMPLATES}/preferences.html", _shown(request, form))


@transaction.non_atomic_requests
@login_not_required  # as above
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
@behind_token
def preferences_by_link(request: HttpRequest, token: str) -> HttpResponse:
    """Show the preferences of a record's owner, and store what the owner changes, without login.

    Raises:
        Http404: When the project has not signed the token, or the record is gone.
    """
    subject = read_preferences_token(token)
    if subject is None:
        raise Http404
    records = TargetUserRecord.objects.using(router.db_for_write(Preference))
    record = get_object_or_404(records.select_related("target", "user"), pk=subject.record_id)
    owner = owner_of(record, ip=_ip(request))
    form = PreferencesForm(owner, request.POST if request.method == "POST" else None)
    if _is_stored(form):
        return _to_itself(request)
    # Without the request, as above.
    return HttpResponse(render_to_string(f"{TEMPLATES}/preferences.html", _shown(request, form)))


def _ip(request: HttpRequest) -> str | None:
    """Return the request's IP address; ``None`` where a server gives none, or with a port."""
    ip: str = request.META.get("REMOTE_ADDR") or ""
    try:
        validate_ipv46_address(ip)
    except ValidationError:
        return None
    return ip


def _is_stored(form: PreferencesForm) -> bool:
    if not form.is_bound or not form.is_valid():
        return False
    form.save()
    return True


def _to_itself(request: HttpRequest) -> HttpResponse:
    return HttpResponseRedirect(f"{request.path}?saved")


def _shown(request: HttpRequest, form: PreferencesForm) -> dict[str, Any]:
    return {
        "form": form,
        "address": masked(form.owner.address) if form.owner.address else "",
        "is_saved": "saved" in request.GET,
    }


def masked(address: str) -> str:
    """Return an address that its owner recognises and nobody else learns: ``a…@example.com``.

    Args:
        address: The address.
    """
    name, at, domain = address.rpartition("@")
    return f"{name[:1]}…{at}{domain}" if at else f"…{address[-3:]}"
