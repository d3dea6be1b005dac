"""The admin, with the notifications, and pages for people: the inbox, and for a newsletter."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("inbox/", include("django_notification_system.contrib.inbox.urls")),
    path("n/", include("django_notification_system.preferences.urls")),
]
