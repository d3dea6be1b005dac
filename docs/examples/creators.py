from django.contrib.auth import get_user_model
from django.utils import timezone

from django_notification_system.notification_creators.email import (
    create_notification as create_email,
)
from django_notification_system.notification_creators.expo import (
    create_notification as create_push,
)
from django_notification_system.notification_creators.twilio import (
    create_notification as create_text_message,
)

user = get_user_model().objects.get(username="egg")

create_email(
    user=user,
    title="Breakfast is ready",
    body="<p>Come while it is <b>hot</b>.</p>",
    scheduled_delivery=timezone.now(),
    retry_time_interval=60,
    max_retries=3,
)
create_text_message(user=user, title="Breakfast", body="Breakfast is ready.")
create_push(
    user=user,
    title="Breakfast",
    body="Breakfast is ready.",
    quiet=True,
    extra={"data": {"screen": "menu"}, "sound": "default", "subtitle": "Today: eggs"},
)
