"""The texts of a type, for a test of its templates."""

from typing import Any

from django.utils.translation import get_supported_language_variant

from ..delivery.handlers.samples import render_sample
from ..message_types.declaration import MessageType
from ..message_types.texts import Rendered
from ..on_site import inbox_keys
from ..targets import built_in_keys, known_description, module_name_of
from ..user_values import known_time_zone


def render(
    message: MessageType,
    *,
    target: str = "email",
    language: str | None = None,
    time_zone: str | None = None,
    user: Any = None,
) -> Rendered:
    """Return the texts of a message as a user would get them; nothing is sent, stored or asked.

    The objects among the parameters need not be saved.

    Args:
        message: The message.
        target: The target's key in ``NOTIFICATION_SYSTEM_TARGETS``.
        language: The language's code; by default the user's own, or ``LANGUAGE_CODE``.
        time_zone: The time zone's name; by default the user's own, or ``TIME_ZONE``.
        user: The user, for templates that name the user.

    Returns:
        ``title``, ``body``, ``subtype`` (``"html"`` or ``"plain"``), ``text`` (the text part beside
        HTML, where a template makes one) and ``language``.

    Raises:
        InvalidNotification: When the title cannot be rendered.
        CannotRender: When another template cannot be rendered.
        ValueError: When there is no such target, language or time zone: a test with a misspelt name
            would else look at the texts of another.
    """
    if known_description(module_name_of(target)) is None and target not in inbox_keys():
        keys = ", ".join(sorted(built_in_keys()))
        raise ValueError(
            f"There is no target {target!r}. Name a key of NOTIFICATION_SYSTEM_TARGETS, such as"
            f" {keys}, or the module of a handler of yours."
        )
    if language is not None:
        try:
            get_supported_language_variant(language)
        except LookupError:
            raise ValueError(f"There is no language {language!r} among LANGUAGES.") from None
    if time_zone is not None and known_time_zone(time_zone) is None:
        raise ValueError(f"There is no time zone {time_zone!r}.")
    return render_sample(message, target, language=language, time_zone=time_zone, user=user)
