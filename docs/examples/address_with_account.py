from django_notification_system import notify, notify_addresses
from django_notification_system.models import TargetUserRecord

address = "ann@example.com"
record = TargetUserRecord.objects.filter(
    user__isnull=False, target__name="Email", target_user_id__iexact=address
).first()
if record is not None and record.user is not None:
    notify(record.user, "Your order 1021", "Thank you!", target="Email")
else:
    notify_addresses(address, "Your order 1021", "Thank you!", target="Email")
