"""The pages for people: unsubscribe, and preferences.

A project adds ``path("n/", include("django_notification_system.preferences.urls"))`` to its URLs,
outside ``i18n_patterns()``: mail programs follow no redirect (RFC 8058, section 3.1).
"""

from django.urls import path

from .links import APP_NAME
from .views import preferences, preferences_by_link, unsubscribe

app_name = APP_NAME
urlpatterns = [
    path("u/<str:token>/", unsubscribe, name="unsubscribe"),
    path("preferences/", preferences, name="preferences"),
    path("preferences/<str:token>/", preferences_by_link, name="preferences_by_link"),
]
