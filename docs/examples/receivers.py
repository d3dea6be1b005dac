import logging

from django.dispatch import receiver

from django_notification_system.signals import notification_delivered, notification_failed

logger = logging.getLogger(__name__)


@receiver(notification_delivered)
def count_delivery(sender, notification, response, **kwargs):
    target = notification.target_user_record.target.name
    logger.info("Delivered %s to %s", notification.pk, target)


@receiver(notification_failed)
def tell_support(sender, notification, response, **kwargs):
    if notification.status == notification.DELIVERY_FAILURE:
        logger.warning("Gave up on notification %s: %s", notification.pk, response)
