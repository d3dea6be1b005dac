"""Types found by Django at start, in every process."""

from django_notification_system.types import NotificationType, register


@register
class Counted(NotificationType):
    """Sent by the workers of task engines."""

    templates = "shop/counted"
    targets = ("Spool",)
    number: int


@register
class Found(NotificationType):
    templates = "shop/found"
