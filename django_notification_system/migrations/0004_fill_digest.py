"""Gives every notification of release 1.5.3 its digest, a batch at a time."""

from django.db import migrations
from django.db.models import Count

from django_notification_system.models.digest import notification_digest

BATCH_SIZE = 1000


def fill_digest(apps, schema_editor):
    """Fill what is empty, so that an interrupted migration goes on where it stopped."""
    notification_model = apps.get_model("django_notification_system", "Notification")
    notifications = notification_model.objects.using(schema_editor.connection.alias)
    last_id = None
    while True:
        rows = notifications.filter(digest__isnull=True).order_by("id")
        if last_id is not None:
            rows = rows.filter(id__gt=last_id)
        batch = list(
            rows.only("target_user_record_id", "scheduled_delivery", "title", "extra")[:BATCH_SIZE]
        )
        if not batch:
            break
        last_id = batch[-1].id
        for notification in batch:
            notification.digest = notification_digest(
                notification.target_user_record_id,
                notification.scheduled_delivery,
                notification.title,
                notification.extra,
            )
        notifications.bulk_update(batch, ["digest"], batch_size=250)
    _keep_one_of_each(notifications)


def _keep_one_of_each(notifications):
    """Let rows that SQLite took for different, by the order of keys in ``extra``, both stay."""
    repeated = (
        notifications.filter(digest__isnull=False)
        .values("digest")
        .annotate(rows=Count("id"))
        .filter(rows__gt=1)
        .values_list("digest", flat=True)
    )
    for digest in list(repeated):
        rows = notifications.filter(digest=digest).order_by("created_date", "id")
        kept = rows.values_list("id", flat=True)[0]
        rows.exclude(id=kept).update(digest=None)


class Migration(migrations.Migration):
    atomic = False  # a short transaction a batch: writers never wait for the whole table

    dependencies = [("django_notification_system", "0003_claims_and_responses")]

    operations = [migrations.RunPython(fill_digest, migrations.RunPython.noop)]
