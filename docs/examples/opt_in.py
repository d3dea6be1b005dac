from django.contrib.auth import get_user_model

from django_notification_system.models import NotificationOptOut

user = get_user_model().objects.get(username="egg")

NotificationOptOut.objects.update_or_create(user=user, defaults={"active": False})
