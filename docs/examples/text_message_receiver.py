from django.core.mail import mail_managers
from django.dispatch import receiver

from django_notification_system.contrib.twilio import text_message_received


@receiver(text_message_received)
def pass_on(address, body, **kwargs):
    mail_managers(f"Text message from {address}", body)
