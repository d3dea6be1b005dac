"""The models of the inbox: events, and the items by which people have the events."""

from .event import InboxEvent
from .item import InboxItem

__all__ = ["InboxEvent", "InboxItem"]
