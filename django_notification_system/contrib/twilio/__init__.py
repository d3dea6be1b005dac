"""Twilio's calls of the site: later reports on text messages, and incoming text messages.

A project adds ``path("twilio/", include("django_notification_system.contrib.twilio"))`` to its
URLs. Twilio calls ``twilio/status/`` with reports and ``twilio/incoming/`` with the texts that
people send.
"""

from django.urls import path

from .incoming import incoming, text_message_received
from .status import status_callback

__all__ = ["incoming", "status_callback", "text_message_received"]

app_name = "django_notification_system_twilio"
urlpatterns = [
    path("status/", status_callback, name="status_callback"),
    path("incoming/", incoming, name="incoming"),
]
