"""Visits every page of the admin as a superuser; prints each address that did not answer well."""

import re
import sys

import django

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import setup_test_environment  # noqa: E402

from django_notification_system.models import Notification, NotificationOptOut  # noqa: E402

setup_test_environment()  # responses keep the context of their templates
LISTS = "/admin/django_notification_system/"
User = get_user_model()
user = User.objects.order_by(User.USERNAME_FIELD).first()
client = Client()
client.force_login(user)
NotificationOptOut.objects.get_or_create(user=user)


def visit(address):
    response = client.get(address)
    if response.status_code != 200:
        print(address, response.status_code)  # noqa: T201
    return response.content.decode()


visit("/admin/")
for model in ("usertarget", "notification", "notificationtarget", "notificationoptout"):
    page = visit(f"{LISTS}{model}/")
    rows = re.findall(rf"{LISTS}{model}/[-0-9a-f]+/change/", page)
    if not rows:
        print(model, "lists nothing")  # noqa: T201
    for address in (f"{LISTS}{model}/?q=egg", f"{LISTS}{model}/add/", *rows[:1]):
        visit(address)

notification = Notification.objects.filter(status="SCHEDULED").first()
form = client.get(f"{LISTS}notification/{notification.pk}/change/").context["adminform"].form
fields = {name: form[name].value() for name in form.fields}
moment = form["scheduled_delivery"].value()
fields["scheduled_delivery_0"], fields["scheduled_delivery_1"] = (
    f"{moment:%Y-%m-%d %H:%M:%S}".split()
)
fields["extra"], fields["title"] = "{}", "Changed in the admin"
response = client.post(
    f"{LISTS}notification/{notification.pk}/change/",
    {name: value for name, value in fields.items() if value is not None},
)
notification.refresh_from_db()
if notification.title != "Changed in the admin":
    print("no change:", response.status_code)  # noqa: T201
    sys.stderr.write(response.content.decode())
