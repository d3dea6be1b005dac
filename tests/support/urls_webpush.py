"""A site with the addresses for browsers, and a page with the button."""

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path

PAGE = """<!DOCTYPE html><html lang="en"><head><title>Breakfast</title>
<link rel="icon" href="data:,"></head><body><main>
<h1>Breakfast</h1>{% load webpush %}{% webpush_button %}</main></body></html>"""


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(engines["django"].from_string(PAGE).render({}, request))


urlpatterns = [
    path("admin/", admin.site.urls),
    path("breakfast/", page),
    path("push/", include("django_notification_system.contrib.webpush.urls")),
]
