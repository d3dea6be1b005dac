"""The inbox for people, and for scripts.

A project adds ``path("inbox/", include("django_notification_system.contrib.inbox.urls"))`` to its
URLs.
"""

from django.urls import path

from .api import items, unread
from .changes import archive, mark_read, mark_unread, read_up_to
from .live.view import stream
from .shown import NAMESPACE
from .views import page

app_name = NAMESPACE
urlpatterns = [
    path("", page, name="page"),
    path("items/", items, name="items"),
    path("unread/", unread, name="unread"),
    path("stream/", stream, name="stream"),
    path("read/", read_up_to, name="read_up_to"),
    path("<int:key>/read/", mark_read, name="read"),
    path("<int:key>/unread/", mark_unread, name="mark_unread"),
    path("<int:key>/archive/", archive, name="archive"),
]
