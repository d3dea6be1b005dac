"""The admin, where the notifications are to be seen, and the pages for a newsletter's readers."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("n/", include("django_notification_system.preferences.urls")),
]
