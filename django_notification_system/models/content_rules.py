"""The rules for what people and projects write into a notification."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from ..categories import known_key
from ..exceptions import InvalidNotification
from ..storable import json_object, storable_text
from .moments import is_at_calendars_end

if TYPE_CHECKING:
    from .notification import Notification


def has_line_break(title: str) -> bool:
    """Tell whether a title has more than one line, which no mail header may have.

    Python's ``email`` package breaks lines where ``str.splitlines()`` does, not only at CR and LF.

    Args:
        title: The title.
    """
    return bool(title) and title.splitlines() != [title]


def refuse_bad_extra(extra: Any) -> None:
    """Refuse an ``extra`` that some database could not store.

    Args:
        extra: The value of ``extra``; ``None`` is allowed.

    Raises:
        ValidationError: When ``extra`` is no object, or has a value that JSON or a database cannot
            store.
    """
    if extra is None:
        return
    if not isinstance(extra, dict):
        raise ValidationError(_("Extra must be a JSON object, such as {}."))
    try:
        json_object(extra)
    except InvalidNotification as error:
        raise ValidationError(str(error), code="invalid") from error


def content_errors(notification: "Notification") -> dict[str, Any]:
    """Return the errors of a notification's content, by the field's name.

    Args:
        notification: The notification, saved or not.
    """
    errors: dict[str, Any] = {}
    for name in ("title", "body"):
        try:
            storable_text(name, getattr(notification, name) or "")
        except InvalidNotification as error:
            errors[name] = str(error)
    for name in ("scheduled_delivery", "expires_at", "attempted_delivery"):
        moment = getattr(notification, name)
        if isinstance(moment, datetime) and is_at_calendars_end(moment):
            errors[name] = _("This moment is out of range in other time zones.")
    try:
        if notification._state.adding:  # a category may have been removed since
            known_key(notification.category)
    except InvalidNotification as error:
        errors["category"] = str(error)
    if has_line_break(notification.title):
        errors["title"] = _("The title must be a single line.")
    try:
        refuse_bad_extra(notification.extra)
    except ValidationError as error:
        errors["extra"] = error
    return errors
