"""The pages of preferences, as a project serves them."""

from types import ModuleType
from typing import Any

from django.urls import include, path

BASE_URL = "https://www.example.com"


def serve_preferences(settings: Any, **options: Any) -> None:
    """Have a project serve the pages, and know its own address.

    Args:
        settings: pytest-django's.
        options: Further options of ``NOTIFICATION_SYSTEM``.
    """
    module = ModuleType("urls_of_test")
    vars(module)["urlpatterns"] = [
        path("n/", include("django_notification_system.preferences.urls"))
    ]
    settings.ROOT_URLCONF = module
    settings.NOTIFICATION_SYSTEM = {"BASE_URL": BASE_URL, **options}
