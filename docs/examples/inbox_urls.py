from django.urls import include, path

urlpatterns += [
    path("inbox/", include("django_notification_system.contrib.inbox.urls")),
]
