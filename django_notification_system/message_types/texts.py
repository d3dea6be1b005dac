"""The texts of a message: the title at creation, the bodies right before sending."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import tzinfo
from typing import Any

from django.db import DatabaseError, InterfaceError
from django.template import TemplateDoesNotExist, TemplateSyntaxError
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from ..exceptions import InvalidNotification
from ..rendering import ContentSubtype, first_existing, render
from ..targets import known_description, module_name_of
from .declaration import MessageType

TITLE_MAX_LENGTH = 100
TITLE = "title.txt"
#: For each target without a template of its own.
TEXT = "text.txt"


class SharedTitle(Exception):
    """A title names its reader: all readers of a language share the title."""


class _Nobody:
    """Stands for ``user`` and ``notification`` in a title, where Django would show an empty text.

    Args:
        name: The variable's name.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        raise self._error()

    def __str__(self) -> str:
        raise self._error()

    def __bool__(self) -> bool:
        raise self._error()

    def _error(self) -> SharedTitle:
        return SharedTitle(
            _("a title has no %(name)r: all readers of a language share it. Use %(name)r in a body")
            % {"name": self._name}
        )


#: The variables of bodies that no title has.
NOT_IN_TITLES = {name: _Nobody(name) for name in ("user", "notification")}


class CannotRender(Exception):
    """A template makes no text. The message names the template, and repeats no values.

    Args:
        template: The template's name.
        error: The template's error.
    """

    def __init__(self, template: str, error: Exception) -> None:
        reason = type(error).__name__
        # The other errors may repeat what the message is about.
        if isinstance(error, TemplateDoesNotExist | TemplateSyntaxError):
            reason = f"{reason}: {error}"
        super().__init__(f"the template {template!r} could not be rendered ({reason})")
        self.is_passing = isinstance(error, DatabaseError | InterfaceError)


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A message's texts for one target and one person.

    Attributes:
        title: The title.
        body: The text; HTML where ``subtype`` says so.
        subtype: ``"plain"`` or ``"html"``.
        text: The text part beside HTML, by ``email.txt``; ``None`` where no template makes one.
        language: The language's code.
    """

    title: str
    body: str
    language: str
    subtype: ContentSubtype = "plain"
    text: str | None = None


def render_title(message: MessageType, language: str) -> str:
    """Return a message's title in a language: one line of at most 100 characters.

    Args:
        message: The message.
        language: The language's code.

    Raises:
        InvalidNotification: When the template is missing, fails or makes no title.
    """
    name = template_of(message, TITLE)
    try:
        with translation.override(language), timezone.override(None):
            text = render(name, {**NOT_IN_TITLES, **variables_of(message)}, "plain")
    except Exception as error:
        raise InvalidNotification(
            _("The title of %(type)s, the template %(name)r, could not be rendered (%(error)s).")
            % {
                "type": type(message).__name__,
                "name": name,
                "error": f"{type(error).__name__}: {error}",
            },
            argument="title",
        ) from error
    title = shortened(" ".join(text.split()))
    if not title:
        raise InvalidNotification(
            _("The title of %(type)s, the template %(name)r, is empty.")
            % {"type": type(message).__name__, "name": name},
            argument="title",
        )
    return title


def render_bodies(
    message: MessageType,
    target_key: str,
    *,
    title: str,
    language: str,
    time_zone: tzinfo | None = None,
    context: Mapping[str, Any] | None = None,
) -> Rendered:
    """Return a message's texts for a target.

    Of the templates ``KEY.html`` (where the target takes HTML), ``KEY.txt``, the target's further
    templates such as ``push.txt``, and ``text.txt``, the first that exists counts; without any, the
    title.

    Args:
        message: The message.
        target_key: The target's key in ``NOTIFICATION_SYSTEM_TARGETS``.
        title: The title, as created.
        language: The language's code.
        time_zone: The user's time zone; by default the project's.
        context: Further variables, such as ``user`` and ``notification``.

    Raises:
        CannotRender: When a template makes no text.
    """
    values = {**(context or {}), **variables_of(message)}
    html_name, text_names = names_for(message, target_key)
    with translation.override(language), timezone.override(time_zone):
        html = _rendered(html_name, values, "html")
        text = _rendered(text_names[0] if html is not None else text_names, values, "plain")
    if html is not None:
        return Rendered(title=title, body=html, subtype="html", text=text, language=language)
    return Rendered(title=title, body=title if text is None else text, language=language)


def names_for(message: MessageType | type[MessageType], target_key: str) -> Any:
    """Return the names of a target's templates: of HTML, if any, and of plain text, in order.

    Args:
        message: The message, or its type.
        target_key: The target's key.
    """
    described = known_description(module_name_of(target_key))
    takes_html = described is not None and described.takes_html
    further = () if described is None else described.text_templates
    html = template_of(message, f"{target_key}.html") if takes_html else None
    names = (f"{target_key}.txt", *further, TEXT)
    return html, [template_of(message, name) for name in names]


def check_templates(message: MessageType | type[MessageType], target_key: str) -> None:
    """Refuse a message with a template for a target that does not compile.

    Args:
        message: The message, or its type.
        target_key: The target's key.

    Raises:
        InvalidNotification: When a template does not compile.
    """
    html, texts = names_for(message, target_key)
    for names in ([html] if html else [], texts):
        try:
            first_existing(names)
        except (TemplateDoesNotExist, TemplateSyntaxError) as error:
            raise InvalidNotification(
                _("A template of %(type)s cannot be used: %(error)s")
                % {"type": message.key, "error": error},
                argument="templates",
            ) from error


def template_of(message: MessageType | type[MessageType], name: str) -> str:
    """Return the full name of a template in a type's folder.

    Args:
        message: The message, or its type.
        name: The name in the folder.
    """
    return f"{message.templates.rstrip('/')}/{name}" if message.templates else name


def variables_of(message: MessageType) -> dict[str, Any]:
    """Return a message's parameters by name, and the message itself as ``type``.

    Args:
        message: The message.
    """
    names = [each.name for each in fields(message)]  # type: ignore[arg-type] # a dataclass
    return {"type": message, **{name: getattr(message, name) for name in names}}


def shortened(text: str, length: int = TITLE_MAX_LENGTH) -> str:
    """Return a text cut at a word, with an ellipsis, where the text is longer.

    Args:
        text: The text, on one line.
        length: The most characters of the result.
    """
    if len(text) <= length:
        return text
    start = text[:length]
    cut = start[: start.rfind(" ")] if " " in start[:-1] else start[:-1]
    # A single long word would else leave next to nothing.
    if len(cut) < length // 2:
        cut = start[:-1]
    return f"{cut.rstrip(' ,;:-')}…"


def _rendered(
    names: str | list[str] | None, values: Mapping[str, Any], subtype: ContentSubtype
) -> str | None:
    """Return the text of the first template that exists, or ``None``."""
    given = [names] if isinstance(names, str) else names or []
    name = ", ".join(given)
    try:
        found = first_existing(given)
        if found is None:
            return None
        name = found
        text = render(name, values, subtype)
    except Exception as error:
        raise CannotRender(name, error) from error
    return text if subtype == "html" else text.strip()
