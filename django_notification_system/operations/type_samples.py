"""The examples that types yield in ``previews()``, found by the names that people type."""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import get_supported_language_variant, ngettext
from django.utils.translation import gettext as _

from ..delivery.handlers.samples import sample_notification
from ..exceptions import NotificationSystemError
from ..message_types.declaration import MessageType
from ..message_types.registry import all_types, find_type
from ..message_types.texts import CannotRender
from ..models import Notification, NotificationTarget
from ..on_site import Fallback, Inbox, installed_inbox, is_inbox
from ..outcome import one_line
from ..setting_names import did_you_mean, name_meant
from ..targets import module_name_of, target_key
from ..user_values import known_language

Made = TypeVar("Made")


def type_named(key: str) -> type[MessageType]:
    """Return the type with a key.

    Args:
        key: The key, such as ``shop.OrderShipped``.

    Raises:
        NotificationSystemError: When no type has the key; the message names the types.
    """
    if (found := find_type(key)) is not None:
        return found
    known = [cls.key for cls in all_types()]
    if not known:
        raise NotificationSystemError(
            _(
                "There is no type %r: this project registers no types. Declare the class in a"
                " module notification_types of an app, with @register above the class."
            )
            % key
        )
    said = _("There is no type %(name)r. The types are: %(known)s.")
    raise NotificationSystemError(
        _with_guess(said % {"name": key, "known": ", ".join(known)}, key, known)
    )


def previews_of(cls: type[MessageType]) -> dict[str, MessageType]:
    """Return a type's examples by their names.

    Args:
        cls: The type.

    Raises:
        NotificationSystemError: When ``previews()`` fails, or yields anything but pairs of a name
            and an instance.
    """
    found: dict[str, MessageType] = {}
    try:
        for name, message in cls.previews():
            if not isinstance(message, MessageType):
                raise TypeError(f"{name!r} is {type(message).__name__}, not an instance of a type")
            found[str(name)] = message
    except Exception as error:  # of the project's own method
        raise NotificationSystemError(
            _("previews() of %(type)s failed: %(error)s. Mend the method.")
            % {"type": cls.key, "error": one_line(error).rstrip(".")}
        ) from error
    return found


def preview_named(cls: type[MessageType], name: str | None) -> MessageType:
    """Return an example of a type.

    Args:
        cls: The type.
        name: The example's name; ``None``: the first example.

    Raises:
        NotificationSystemError: When the type has no example with the name, or none at all.
    """
    previews = previews_of(cls)
    if not previews:
        raise NotificationSystemError(
            _("%s has no previews. Yield a name and an instance in its method previews().")
            % cls.key
        )
    if name is None:
        return next(iter(previews.values()))
    if name in previews:
        return previews[name]
    shown = {"type": cls.key, "name": name, "known": ", ".join(map(repr, previews))}
    said = _("%(type)s has no preview %(name)r. The previews are: %(known)s.") % shown
    raise NotificationSystemError(_with_guess(said, name, previews))


def supported_language(code: str | None) -> str | None:
    """Return the language of ``LANGUAGES`` for a code; ``None`` for no code.

    Args:
        code: The code, such as ``de`` or ``de-at``.

    Raises:
        NotificationSystemError: When ``LANGUAGES`` has no such language.
    """
    if code is None:
        return None
    try:
        return get_supported_language_variant(code)
    except LookupError as error:
        known = [name for name, _label in settings.LANGUAGES]
        raise NotificationSystemError(
            _("LANGUAGES has no language %(name)r. The languages are: %(known)s.")
            % {"name": code, "known": ", ".join(known)}
        ) from error


def name_of_only_target(cls: type[MessageType]) -> str:
    """Return the name of the one target of a type beside the inbox, for ``targets_named()``.

    Args:
        cls: The type.

    Raises:
        NotificationSystemError: When the type has several targets, or names none.
    """
    named = [
        each.target if isinstance(each, Fallback) else each
        for each in cls.targets
        if not is_inbox(each)
    ]
    names = [each if isinstance(each, str) else each.name for each in named]
    if len(names) != 1:
        known = ", ".join(names) or _("all targets")
        raise NotificationSystemError(
            _("%(type)s goes to %(known)s. Choose a target with --target.")
            % {"type": cls.key, "known": known}
        )
    return module_name_of(names[0])


def targets_in_words(cls: type[MessageType], known: Iterable[NotificationTarget]) -> str:
    """Return the targets of a type for people, such as "Inbox, Email after 10 minutes".

    Args:
        cls: The type.
        known: The targets whose names the person may see.
    """
    names = {target_key(each.notification_module_name): each.name for each in known}

    def name_of(target: Any) -> str:
        if isinstance(target, Fallback):
            return _("%(target)s (after %(time)s, if not read on the site)") % {
                "target": name_of(target.target),
                "time": _in_words(target.after),
            }
        if isinstance(target, NotificationTarget):
            return target.name
        inbox = installed_inbox()
        if inbox is not None and is_inbox(target):
            return inbox.label
        return names.get(target, str(target))

    return ", ".join(map(name_of, cls.targets)) or _("all targets")


def _in_words(span: timedelta) -> str:
    """Return a time span in words, such as "10 minutes"."""
    if span < timedelta(minutes=1):
        seconds = max(round(span.total_seconds()), 1)
        return ngettext("%(count)d second", "%(count)d seconds", seconds) % {"count": seconds}
    start = timezone.now()
    return timesince(start, start + span)


def sample_without_trace(
    message: MessageType,
    target: NotificationTarget,
    *,
    address: str,
    language: str | None,
    user: Any,
    using: str,
) -> Notification:
    """Return an unsaved notification with its texts; what a template writes is rolled back.

    Args:
        message: The example.
        target: The target.
        address: The address of the recipient.
        language: The language's code; by default ``LANGUAGE_CODE``.
        user: The user for the templates; may be unsaved.
        using: The alias of the database.

    Raises:
        NotificationSystemError: When a template, or a method of the type, fails.
    """
    sample = _without_trace(
        lambda: sample_notification(message, target, address=address, language=language, user=user),
        message,
        using,
    )
    sample._state.db = using
    return sample


def item_without_trace(
    message: MessageType, inbox: Inbox, *, language: str | None, user: Any, using: str
) -> str:
    """Return a page with an example as an item of the inbox; what a template writes is rolled back.

    Args:
        message: The example.
        inbox: The project's inbox.
        language: The language's code; by default ``LANGUAGE_CODE``.
        user: The user for the templates.
        using: The alias of the database.

    Raises:
        NotificationSystemError: When a template, or a method of the type, fails.
    """
    code = known_language(language)
    return _without_trace(
        lambda: inbox.preview(message, language=code, reader=user), message, using
    )


def _without_trace(make: Callable[[], Made], message: MessageType, using: str) -> Made:
    try:
        with transaction.atomic(using=using):
            made = make()
            transaction.set_rollback(True, using=using)
    except NotificationSystemError:
        raise
    except CannotRender as fault:
        raise NotificationSystemError(
            _("%(type)s: %(error)s. Mend the template.") % {"type": message.key, "error": fault}
        ) from fault
    except Exception as error:  # of the project's own methods
        raise NotificationSystemError(
            _("%(type)s failed: %(error)s") % {"type": message.key, "error": one_line(error)}
        ) from error
    return made


def _with_guess(said: str, name: str, known: Iterable[str]) -> str:
    meant = name_meant(name, known)
    return said if meant is None else f"{did_you_mean(meant)} {said}"
