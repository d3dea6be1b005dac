"""The kinds of messages: those that a person may switch off, and one that is a class."""

from collections.abc import Iterator
from datetime import timedelta

from django_notification_system.categories import Category, register
from django_notification_system.on_site import Fallback
from django_notification_system.types import NotificationType
from django_notification_system.types import register as register_type

NEWS = register(Category("news", label="Newsletter", targets=("email",)))
KITCHEN = register(Category("kitchen", label="Your orders", targets=("inbox", "email")))


@register_type
class BreakfastReady(NotificationType):
    """On the site at once, at the bell; by email after ten minutes, if not read there."""

    category = KITCHEN
    targets = ("inbox", Fallback("email", after=timedelta(minutes=10)))
    templates = "breakfast_ready"  # title.txt, text.txt, email.html, inbox.html

    dish: str
    table: int

    @classmethod
    def previews(cls) -> Iterator[tuple[str, "BreakfastReady"]]:
        """Show an example on the admin's page *Types*."""
        yield "eggs at table 4", cls(dish="Eggs Benedict", table=4)
