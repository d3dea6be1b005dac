from django.contrib.auth import get_user_model

from django_notification_system.models import Notification

get_user_model().objects.get(username="egg").delete()

print("Notifications left:", Notification.objects.filter(user_target__user__username="egg").count())
