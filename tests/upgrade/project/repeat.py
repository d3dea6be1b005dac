"""Makes each notification once more, and prints how many the database took."""

import django

django.setup()

from django.db import IntegrityError, transaction  # noqa: E402

from django_notification_system.models import Notification  # noqa: E402

FIELDS = ("target_user_record_id", "scheduled_delivery", "title", "extra", "body", "status")
taken = 0
for values in list(Notification.objects.filter(extra__isnull=False).values(*FIELDS)):
    try:
        with transaction.atomic():
            Notification.objects.create(**values)
        taken += 1
    except IntegrityError:
        pass
print(taken)  # noqa: T201
