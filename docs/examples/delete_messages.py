from django_notification_system.models import Notification

Notification.objects.filter(user_target__user__username="egg").delete()
