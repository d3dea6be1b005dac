from django_notification_system.models import Notification

# How long is the queue, and what has been given up?
waiting = Notification.objects.due().count()
given_up = Notification.objects.filter(status=Notification.DELIVERY_FAILURE)

# "user_target" is another name of "target_user_record", in lookups too.
to_egg = Notification.objects.filter(user_target__user__username="egg").select_related(
    "target_user_record__target"
)
for notification in to_egg.order_by("scheduled_delivery"):
    print(notification.user_target.target, notification.status, notification.response)
