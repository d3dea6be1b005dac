"""The addresses for browsers.

A project adds ``path("push/", include("django_notification_system.contrib.webpush.urls"))``.
"""

from django.urls import path

from .views import service_worker, subscription

app_name = "django_notification_system_webpush"
urlpatterns = [
    path("service_worker.js", service_worker, name="service_worker"),
    path("subscription/", subscription, name="subscription"),
]
