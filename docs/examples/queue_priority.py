from datetime import timedelta

from django.core.mail import EmailMessage
from django.utils import timezone

message = EmailMessage(
    "Your code is 4711", "It is good for an hour.", "shop@example.com", ["eggs@example.com"]
)
message.notification = {"priority": 9, "expires_at": timezone.now() + timedelta(hours=1)}
message.send()
