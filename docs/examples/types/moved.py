from shop.models import Order

from django_notification_system.types import NotificationType, register


@register
class ParcelOnItsWay(NotificationType):
    key = "shop.OrderShipped"  # the name before
    templates = "logistics/parcel_on_its_way"
    order: Order
    parcels: int = 1  # new: with a default
