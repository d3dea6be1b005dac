from django_notification_system.models import Notification

latest = Notification.objects.filter(user_target__user__username="egg").order_by("-created_date")

for row in latest[:5]:
    print(row.user_target.target, row.status, row.scheduled_delivery, row.response, sep=" | ")
