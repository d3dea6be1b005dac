from pathlib import Path

from django.contrib.auth import get_user_model
from django.core import serializers

from django_notification_system.models import (
    ConsentLog,
    Notification,
    NotificationAttempt,
    NotificationOptOut,
    Preference,
    TargetUserRecord,
)

user = get_user_model().objects.get(username="egg")
rows = [
    *TargetUserRecord.objects.filter(user=user),
    *Notification.objects.filter(target_user_record__user=user),
    *NotificationAttempt.objects.filter(notification__target_user_record__user=user),
    *NotificationOptOut.objects.filter(user=user),
    *Preference.objects.filter(user=user),
    *ConsentLog.objects.filter(user=user),
]

Path("egg.json").write_text(serializers.serialize("json", rows, indent=2))
