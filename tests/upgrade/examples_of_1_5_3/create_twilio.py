from django.contrib.auth import get_user_model

from django_notification_system.notification_creators.twilio import create_notification

User = get_user_model()

user = User.objects.get(first_name="Eggs", last_name="Benedict")

create_notification(user=user, title=f"Hello {user.first_name}", body="Test sms notification")
