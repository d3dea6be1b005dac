"""The views for browsers: the service worker, and the subscriptions of who is logged in.

A subscription is somebody's only by login and Django's token against forged requests, also where
a service worker sends it: who knows an endpoint has no right to it yet.
"""

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_http_methods, require_safe

from ...exceptions import NotificationSystemError
from ...models.details import is_short_address
from ...notification_handlers.webpush.subscription import UnusableSubscription
from .browsers import NotReplaced, add_browser, has_browser, remove_browser
from .site_key import public_key

#: The longest request, in bytes. Subscriptions have some hundred.
LONGEST_REQUEST = 8192
#: A number that Python reads: not of any length.
LENGTH = re.compile(r"[0-9]{1,20}", re.ASCII)
JAVASCRIPT = "text/javascript; charset=utf-8"


@require_safe
@login_not_required  # browsers fetch the script also where nobody is logged in
@transaction.non_atomic_requests
def service_worker(request: HttpRequest) -> HttpResponse:
    """Return the service worker's script: the same for everybody, and without a cookie."""
    configuration = {
        "publicKey": public_key(),
        "subscriptionUrl": reverse("django_notification_system_webpush:subscription"),
    }
    content = f"const CONFIGURATION = {json.dumps(configuration)};\n{_script()}"
    return HttpResponse(
        content,
        content_type=JAVASCRIPT,
        headers={"Service-Worker-Allowed": "/", "Cache-Control": "no-cache"},
    )


@transaction.non_atomic_requests  # a deadlock can be repeated only outside a transaction
@never_cache
@login_not_required  # a script wants a status, not a login page
@csrf_protect
@require_http_methods(["GET", "POST", "DELETE"])
def subscription(request: HttpRequest) -> HttpResponse:
    """Tell of, take or end a browser's subscription, for the user who is logged in.

    GET answers ``{"subscribed": …, "csrf_token": …, "csrf_header": …}``: whether the user has the
    browser with an ``address``, and the token for other requests, with its header. POST takes what
    ``PushSubscription.toJSON()`` returns, perhaps with ``replaces``, the address of the browser's
    former subscription, and answers 201 with the ``address``. DELETE takes ``endpoint`` and answers
    204. Errors are ``{"error": …}``: 400 for a request that is none, 403 without a login, 404 where
    ``replaces`` is not the user's, 413 for a long request, 503 where the settings are wrong or
    another target has the name.
    """
    if not request.user.is_authenticated:
        return _error("Log in first.", status=403)
    if request.method == "GET":
        address = request.GET.get("address", "")
        subscribed = is_short_address(address) and has_browser(request.user, address)
        token = {"csrf_token": get_token(request), "csrf_header": _csrf_header()}
        return JsonResponse({"subscribed": subscribed, **token})
    try:
        said = _read(request)
        if request.method == "DELETE":
            remove_browser(request.user, _text(said, "endpoint"))
            return HttpResponse(status=204)
        replaces = _text(said, "replaces") if "replaces" in said else ""
        record = add_browser(request.user, said, replaces=replaces)
    except _Refused as error:
        return _error(str(error), status=error.status)
    except UnusableSubscription as error:
        return _error(f"The subscription cannot be used: {error}.", status=400)
    except NotReplaced:
        return _error("There is no such subscription to replace.", status=404)
    except NotificationSystemError as error:
        return _error(str(error), status=503)
    return JsonResponse({"address": record.target_user_id}, status=201)


class _Refused(Exception):
    """A request that is none; the text is for people."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def _read(request: HttpRequest) -> dict[str, Any]:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if LENGTH.fullmatch(length) is None or int(length) > LONGEST_REQUEST:
        raise _Refused(f"Send at most {LONGEST_REQUEST} bytes.", status=413)
    try:
        said = json.loads(request.read(LONGEST_REQUEST + 1))
    except (ValueError, RecursionError):
        raise _Refused("Send JSON.") from None
    if not isinstance(said, dict):
        raise _Refused("Send a JSON object.")
    return said


def _text(said: dict[str, Any], name: str) -> str:
    value = said.get(name)
    if not isinstance(value, str) or not value or "\x00" in value:
        raise _Refused(f"{name} must be a text.")
    return value


def _csrf_header() -> str:
    return settings.CSRF_HEADER_NAME.removeprefix("HTTP_").replace("_", "-")


def _error(message: str, *, status: int) -> HttpResponse:
    return JsonResponse({"error": message}, status=status)


@cache
def _script() -> str:
    return Path(__file__).with_name("service_worker.js").read_text(encoding="utf-8")
