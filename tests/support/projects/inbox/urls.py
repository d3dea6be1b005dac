"""The inbox, a page of the site, and what the tests have the project do."""

import threading

from django.contrib.auth import get_user_model, login, logout
from django.contrib.auth.decorators import login_not_required
from django.contrib.staticfiles.urls import staticfiles_urlpatterns
from django.db import connection, transaction
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.template import engines
from django.urls import include, path
from django.views.decorators.csrf import csrf_exempt

from django_notification_system.contrib.inbox.models import InboxEvent, InboxItem

PAGE = """{% load notification_inbox %}<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Site</title></head>
<body><h1>Site</h1>{% inbox_bell %}{% inbox_list 5 %}</body></html>"""
User = get_user_model()


@login_not_required
def log_in(request):
    """Log somebody in, or show that somebody has to log in."""
    if "user" not in request.GET:
        return HttpResponse("Log in.")
    user, _ = User.objects.get_or_create(username=request.GET["user"])
    login(request, user, "django.contrib.auth.backends.ModelBackend")
    return HttpResponseRedirect("/")


def log_out(request):
    logout(request)
    return HttpResponse("Logged out.")


def page(request):
    return HttpResponse(engines["django"].from_string(PAGE).render({}, request))


@csrf_exempt
@login_not_required
def put(request):
    """Put an item into somebody's inbox, in a transaction."""
    with transaction.atomic():
        event = InboxEvent.objects.create(title=request.POST["title"])
        user = User.objects.get(username=request.POST["user"])
        item = InboxItem.objects.create(user=user, event=event)
    return JsonResponse({"id": item.pk})


@csrf_exempt
@login_not_required
def deactivate(request):
    User.objects.filter(username=request.POST["user"]).update(is_active=False)
    return HttpResponse("Done.")


@login_not_required
def held(request):
    """Tell the threads of this process, and on PostgreSQL the connections of the project."""
    names = [thread.name for thread in threading.enumerate()]
    connections = 0
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()"
            )
            [connections] = cursor.fetchone()
    return JsonResponse({"threads": names, "connections": connections})


urlpatterns = [
    path("", page),
    path("log-in/", log_in),
    path("log-out/", log_out),
    path("put/", put),
    path("deactivate/", deactivate),
    path("held/", held),
    path("inbox/", include("django_notification_system.contrib.inbox.urls")),
    *staticfiles_urlpatterns(),
]
