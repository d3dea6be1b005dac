from django.urls import include, path

urlpatterns += [
    path("push/", include("django_notification_system.contrib.webpush.urls")),
]
