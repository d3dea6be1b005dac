from django.urls import include, path

urlpatterns += [
    path("metrics/", include("django_notification_system.contrib.prometheus.urls")),
]
