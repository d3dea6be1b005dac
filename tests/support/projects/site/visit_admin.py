"""Visits every page of the admin as a superuser; prints each address that did not answer well."""

import re
import sys

import django

django.setup()

from django.contrib.admin.models import LogEntry  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import setup_test_environment  # noqa: E402
from django.utils import timezone  # noqa: E402

from django_notification_system.models import Notification, NotificationOptOut  # noqa: E402

setup_test_environment()  # responses keep the context of their templates
MOMENT = "scheduled_delivery"
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

for span in ("day", "week"):
    visit(f"{LISTS}notification/dashboard/?span={span}")
now = timezone.now()
visit(f"{LISTS}notification/?person={user.pk}&error=none")
for period in ("", f"&{MOMENT}__month={now.month}"):
    visit(f"{LISTS}notification/?{MOMENT}__year={now.year}{period}")

for notification in Notification.objects.all()[:10]:
    visit(f"{LISTS}notification/{notification.pk}/preview/")
notification = Notification.objects.filter(status="SCHEDULED").first()
chosen = {"action": "reschedule", "_selected_action": notification.pk, "confirmed": "yes"}
response = client.post(f"{LISTS}notification/", chosen)
if "moment" not in response.context["form"].errors:
    print("no question for the moment")  # noqa: T201
chosen |= {"moment_0": "2099-01-02", "moment_1": "03:04:05"}
client.post(f"{LISTS}notification/", chosen)
before = notification.scheduled_delivery
notification.refresh_from_db()
local = notification.scheduled_delivery
local = timezone.localtime(local) if timezone.is_aware(local) else local
if f"{local:%Y-%m-%d %H:%M:%S}" != "2099-01-02 03:04:05":
    print("not rescheduled:", local)  # noqa: T201
if not LogEntry.objects.filter(object_id=notification.pk).exists():
    print("not in the log")  # noqa: T201
Notification.objects.filter(pk=notification.pk).update(scheduled_delivery=before)
notification.refresh_from_db()
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
