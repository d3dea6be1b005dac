from collections.abc import Iterator

from django_notification_system import categories
from django_notification_system.types import NotificationType, register

KITCHEN = categories.register(categories.Category("kitchen", label="From the kitchen"))


@register
class BreakfastReady(NotificationType):
    category = KITCHEN
    targets = ("inbox", "email")
    templates = "kitchen/breakfast_ready"
    dish: str

    @classmethod
    def previews(cls) -> Iterator[tuple[str, "BreakfastReady"]]:
        yield "eggs", cls(dish="Eggs Benedict")
