"""The view that Prometheus scrapes.

A project adds ``path("metrics/", include("django_notification_system.contrib.prometheus.urls"))``.
"""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from .conf import prometheus_settings
from .file import FileCollector
from .queue import QueueCollector

PERMISSION = "django_notification_system.view_notification"
SCHEME = "Bearer "
TEXT = "text/plain; charset=utf-8"

#: The queue, and the counts of all processes of this host. The counts of a web process alone are
#: left out: each scrape meets another process.
served = CollectorRegistry()
served.register(QueueCollector())
served.register(FileCollector())


@require_safe
@never_cache
@login_not_required  # else the project's middleware would redirect Prometheus to the login page
@transaction.non_atomic_requests
def metrics(request: HttpRequest) -> HttpResponse:
    """Show the metrics to a request with the token, or to staff who may see notifications."""
    token = prometheus_settings().token
    if not _has_token(request, token) and not _is_staff(request):
        response = HttpResponse(
            "Send the token of NOTIFICATION_SYSTEM_PROMETHEUS, or log in.",
            status=401 if token else 403,
            content_type=TEXT,
        )
        if token:
            response["WWW-Authenticate"] = SCHEME.strip()
        return response
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return HttpResponse(encode(served), content_type=content_type)


app_name = "django_notification_system_prometheus"
urlpatterns = [path("", metrics, name="metrics")]


def _has_token(request: HttpRequest, token: str | None) -> bool:
    given = request.headers.get("Authorization", "")
    if not token or not given.startswith(SCHEME):
        return False
    return constant_time_compare(given.removeprefix(SCHEME), token)


def _is_staff(request: HttpRequest) -> bool:
    user: Any = getattr(request, "user", None)  # none without the middleware
    return bool(getattr(user, "is_staff", False)) and user.has_perm(PERMISSION)
