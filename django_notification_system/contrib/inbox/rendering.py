"""Items by their type's template ``inbox.html``, in the language of the page."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import DatabaseError
from django.utils.safestring import SafeString, mark_safe

from ...database import impatiently
from ...message_types.kinds import ObjectGone
from ...message_types.registry import find_type
from ...message_types.stored import Stored, UnknownType, UnusableParameters, objects_of
from ...message_types.texts import template_of, variables_of
from ...rendering import first_existing, render
from .models import InboxItem
from .models.event import PARAMS

logger = logging.getLogger("django_notification_system")

TEMPLATE = "inbox.html"


class TypedItems:
    """The items among some whose type has a template, with what the templates show.

    One query is needed for each model among the parameters, and for each relation that a type names
    in ``prefetch_related``; for many readers no more than for one.

    Args:
        items: Items of any readers, with their events.
    """

    def __init__(self, items: Iterable[InboxItem]) -> None:
        typed = {item.pk: stored for item in items if (stored := _stored(item)) is not None}
        self._templates = {key: _template(key) for key in {each.key for each in typed.values()}}
        self._typed = {pk: each for pk, each in typed.items() if self._templates[each.key]}
        # Pages and the poller of all readers do not wait for a database: they are asked for again.
        with impatiently():
            self._objects = objects_of(self._typed.values())
        if isinstance(self._objects, DatabaseError):
            logger.warning(
                "The inbox shows titles: objects cannot be read.", exc_info=self._objects
            )

    def html_of(self, items: Iterable[InboxItem], reader: Any) -> Mapping[int, SafeString]:
        """Return the HTML of items by the item's key, in the language that is active.

        The stored title stands for an item that cannot be rendered: its type is unknown here, an
        object is gone, a table is missing, or the template fails.

        Args:
            items: The reader's, among the items of this instance; others are left out.
            reader: The reader, for texts that address the person.
        """
        found: dict[int, SafeString] = {}
        if isinstance(self._objects, DatabaseError):
            return found
        for item in items:
            stored = self._typed.get(item.pk)
            if stored is None:
                continue
            name = self._templates[stored.key]
            try:
                message = stored.instance(self._objects)
                values = {"user": reader, "item": item, **variables_of(message)}
                # The template engine has escaped what the template does not call safe.
                found[item.pk] = mark_safe(render(name, values, "html"))  # noqa: S308
            except (ObjectGone, UnknownType, UnusableParameters):
                continue
            except Exception as error:
                # The error's text may repeat what the item is about.
                kind = type(error).__name__
                logger.warning("The inbox shows a title: %s fails (%s).", name, kind)
        return found


def _stored(item: InboxItem) -> Stored | None:
    event = item.event
    params = event.data.get(PARAMS) if isinstance(event.data, dict) else None
    return Stored(event.type, params) if event.type and isinstance(params, dict) else None


def _template(key: str) -> str:
    """Return the name of a type's template; empty for an unknown type, or where there is none.

    Args:
        key: The type's key.
    """
    cls = find_type(key)
    if cls is None:
        return ""
    name = template_of(cls, TEMPLATE)
    try:
        return first_existing([name]) or ""
    except Exception as error:  # it does not compile
        logger.warning("The inbox shows titles: %s fails (%s).", name, type(error).__name__)
        return ""
