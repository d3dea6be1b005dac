from django.urls import include, path

urlpatterns += [
    path("notifications/twilio/", include("django_notification_system.contrib.twilio")),
]
