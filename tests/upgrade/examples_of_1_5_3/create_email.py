# There, the comma after the date is missing.
from django.contrib.auth import get_user_model

from django_notification_system.notification_creators.email import create_notification

User = get_user_model()

user = User.objects.get(first_name="Eggs", last_name="Benedict")

create_notification(
    user=user,
    title="Cool Email",
    extra={
        "user": user,
        "date": "12-07-2020",
        "template_name": "templates/eggs_email.html",
    },
)
