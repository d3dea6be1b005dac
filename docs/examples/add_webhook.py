from django.contrib.auth import get_user_model

from django_notification_system.notification_handlers.webhook.records import add_webhook

user = get_user_model().objects.get(username="egg")

record, secret = add_webhook(user, "https://hooks.example.com/of-a-customer")
