from django.urls import include, path

urlpatterns += [
    path("n/", include("django_notification_system.preferences.urls")),
]
