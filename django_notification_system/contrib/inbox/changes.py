"""What a reader does with items: POST only, then back to the page, or an answer in JSON."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_POST

from ...private_pages import private
from .access import error, refused
from .keys import GREATEST_KEY, item_key_of
from .models import InboxItem
from .models.item_queryset import InboxItemQuerySet
from .shown import NAMESPACE
from .unread import unread_of

#: How many items a request may name. By default Django takes 1,000 fields, the token among them.
MOST_KEYS = 900
JSON = "application/json"

Change = Callable[..., int]


class BadRequest(ValueError):
    """A request that no page sends."""


def change(view: Change) -> Callable[..., HttpResponse]:
    """Make a view of a function that changes items, and returns how many it has changed.

    A script, which accepts JSON before HTML, gets the number of unread items. Everybody else is
    sent to ``next``, an address of this site, or to the page of the inbox.

    Args:
        view: The function.
    """

    # Also with ATOMIC_REQUESTS: a thousand items are changed in a transaction, and no more.
    @transaction.non_atomic_requests
    @login_not_required  # see _log_in()
    @private
    @csrf_protect
    @require_POST
    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        is_script = request.get_preferred_type(["text/html", JSON]) == JSON
        if not request.user.is_authenticated:
            return refused() if is_script else _log_in()
        try:
            changed = view(request, *args, **kwargs)
        except BadRequest as problem:
            return error(str(problem), status=400)
        if is_script:
            return JsonResponse({"changed": changed, **unread_of(request.user).as_dict()})
        return HttpResponseRedirect(_next(request))

    return answer


@change
def mark_read(request: HttpRequest, key: int) -> int:
    """Mark an item as read."""
    return _own(request, [key]).mark_read()


@change
def mark_unread(request: HttpRequest, key: int) -> int:
    """Mark an item as unread; an archived one comes back into the inbox."""
    return _own(request, [key]).mark_unread()


@change
def archive(request: HttpRequest, key: int) -> int:
    """Archive an item."""
    return _own(request, [key]).archive()


@change
def read_up_to(request: HttpRequest) -> int:
    """Mark many items as read: those up to the item ``up_to``, or each that an ``id`` names.

    ``up_to`` is the newest item that the page has shown: items that came later stay unread.

    Raises:
        BadRequest: When neither is given.
    """
    keys = _keys(request, "id")
    if keys:
        return _own(request, keys).mark_read()
    newest = _keys(request, "up_to")
    if len(newest) != 1:
        raise BadRequest("Send up_to, the id of the newest item that was shown, or id.")
    shown = get_object_or_404(_own(request, newest))  # a purge may come between the two
    older = Q(visible_from__lt=shown.visible_from) | Q(pk__lte=shown.pk)
    of_reader = InboxItem.objects.of(request.user)
    up_to: InboxItemQuerySet = of_reader.filter(older, visible_from__lte=shown.visible_from)
    return up_to.mark_read()


def _keys(request: HttpRequest, name: str) -> list[int]:
    texts = request.POST.getlist(name)
    if len(texts) > MOST_KEYS:
        raise BadRequest(f"Send at most {MOST_KEYS} of {name} in a request.")
    keys = [key for text in texts if (key := item_key_of(text)) is not None]
    if len(keys) < len(texts):
        raise BadRequest(f"{name} must be the id of an item.")
    return keys


def _own(request: HttpRequest, keys: list[int]) -> InboxItemQuerySet:
    """Return the reader's items with these keys.

    Args:
        request: The request.
        keys: The keys.

    Raises:
        Http404: When one is somebody else's item, or none.
    """
    found: InboxItemQuerySet = InboxItem.objects.filter(
        user=request.user.pk, pk__in={key for key in keys if key <= GREATEST_KEY}
    )
    if found.count() != len(set(keys)):
        raise Http404
    return found


def _log_in() -> HttpResponse:
    """Lead to the page to log in, and then to the inbox: nobody can open an address of a POST."""
    return redirect_to_login(reverse(f"{NAMESPACE}:page"))


def _next(request: HttpRequest) -> str:
    url = request.POST.get("next", "")
    is_safe = url_has_allowed_host_and_scheme(
        url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return url if is_safe else reverse(f"{NAMESPACE}:page")
