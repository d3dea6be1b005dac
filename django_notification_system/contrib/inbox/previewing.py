"""An example of a type as an item of the inbox, for people who look; nothing is stored."""

from functools import cache
from pathlib import Path
from typing import Any

from django.template.loader import render_to_string
from django.utils import translation
from django.utils.safestring import SafeString, mark_safe

from ...draft import Draft
from ...message_types.declaration import MessageType
from ...message_types.stored import further_extra
from ...message_types.texts import CannotRender, render_title, template_of, variables_of
from ...on_site import INBOX
from ...rendering import first_existing, render
from .content import event_values
from .models import InboxEvent, InboxItem
from .rendering import TEMPLATE
from .shown import Shown

PAGE = "django_notification_system/inbox/preview.html"
STYLES = Path(__file__).resolve().parents[2] / "static" / "django_notification_system" / "inbox.css"


def preview(message: MessageType, *, language: str, reader: Any) -> str:
    """Return a page with a message as an unread item.

    Args:
        message: The message; the objects among the parameters need not be saved.
        language: The language's code.
        reader: The user for the templates.

    Raises:
        InvalidNotification: When the title cannot be rendered, or the inbox could not show it.
        CannotRender: When the type's template cannot be rendered.
    """
    title = render_title(message, language)
    draft = Draft(title=title, body="", extra=dict(further_extra(message, INBOX)))
    item = InboxItem(event=InboxEvent(**event_values(draft, {})))
    with translation.override(language):
        shown = Shown(item=item, html=_html(message, item, reader))
        return render_to_string(PAGE, {"shown": shown, "styles": mark_safe(_styles())})  # noqa: S308


def _html(message: MessageType, item: InboxItem, reader: Any) -> SafeString:
    name = template_of(message, TEMPLATE)
    try:
        if first_existing([name]) is None:
            return SafeString()
        values = {"user": reader, "item": item, **variables_of(message)}
        return mark_safe(render(name, values, "html"))  # noqa: S308 # as in rendering.py
    except Exception as error:
        raise CannotRender(name, error) from error


@cache
def _styles() -> str:
    """Return the style sheet: the page of a preview loads nothing."""
    return STYLES.read_text(encoding="utf-8")
