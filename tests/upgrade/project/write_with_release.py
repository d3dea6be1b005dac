"""Makes, changes and deletes rows with release 1.5.3; run by the interpreter that has it."""

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402

from django_notification_system.models import (  # noqa: E402
    Notification,
    NotificationOptOut,
    TargetUserRecord,
)
from django_notification_system.notification_creators.email import (  # noqa: E402
    create_notification,
)

user = User.objects.create_user("late", "late@example.com")
record = TargetUserRecord.objects.create(
    user=user,
    target=TargetUserRecord.objects.filter(target__name="Email").first().target,
    target_user_id="late@example.com",
    description="Made by 1.5.3 after the upgrade",
)
for title in ("due, made by 1.5.3 after the upgrade", "to be deleted"):
    create_notification(user, title, "Hello")
Notification.objects.get(title="to be deleted").delete()
NotificationOptOut.objects.create(user=user, active=False)
record.save()
for notification in Notification.objects.filter(target_user_record=record):
    notification.retry_time_interval = 5
    notification.save()
