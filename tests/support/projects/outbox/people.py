"""What both kinds of tests create."""

from django.contrib.auth import get_user_model

from django_notification_system.models import NotificationTarget


def make_user(name, using="default"):
    """Return a user with an address in each target, Pigeon among them."""
    user = get_user_model().objects.db_manager(using).create_user(name, f"{name}@example.com")
    targets = NotificationTarget.objects.using(using)
    targets.get_or_create(name="Pigeon", notification_module_name="pigeon")
    for target in targets:
        user.notification_target_user_records.create(
            target=target, target_user_id=f"{name} by {target.name}"
        )
    return user


def make_due(user, title, using="default"):
    """Create what is due for a user in each target of a database."""
    from django.utils import timezone

    from django_notification_system.models import Notification

    for record in user.notification_target_user_records.using(using):
        Notification.objects.using(using).create(
            target_user_record=record,
            title=title,
            body="It is ready.",
            status="SCHEDULED",
            scheduled_delivery=timezone.now(),
        )
