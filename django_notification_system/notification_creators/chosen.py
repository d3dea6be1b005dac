"""The targets of a call, with the inbox and the fallbacks among them."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ..exceptions import InvalidNotification
from ..models import NotificationTarget
from ..on_site import INBOX, Fallback, installed_inbox, is_inbox, without_inbox
from .recipients import choose_targets


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """The targets of a call.

    Attributes:
        targets: The targets.
        with_inbox: Whether the inbox is among them.
        delays: By the key of a target that is a fallback: the time to wait for the user to read.
    """

    targets: list[NotificationTarget]
    with_inbox: bool = False
    delays: Mapping[uuid.UUID, timedelta] = field(default_factory=dict)


def choose(chosen: Any, known: Sequence[NotificationTarget]) -> Chosen:
    """Return the targets chosen by a caller of ``notify()``.

    Args:
        chosen: A target or its name, ``"inbox"``, a ``Fallback``, or an iterable of these.
        known: All existing targets.

    Raises:
        InvalidNotification: When a target does not exist, none is chosen, the project has no inbox,
            or a fallback has nothing to fall back from.
    """
    several = isinstance(chosen, Iterable) and not isinstance(chosen, str)
    choices = list(chosen) if several else [chosen]
    if not any(isinstance(each, Fallback) or is_inbox(each) for each in choices):
        return Chosen(targets=choose_targets(choices, known))
    names = [each for each in choices if not isinstance(each, Fallback)]
    with_inbox = _asks_inbox(names, known)
    plain = [each for each in names if not (with_inbox and is_inbox(each))]
    targets = choose_targets(plain, known) if plain else []
    delays: dict[uuid.UUID, timedelta] = {}
    later: list[NotificationTarget] = []
    for fallback in (each for each in choices if isinstance(each, Fallback)):
        if not with_inbox:
            raise _nothing_before(fallback)
        for target in choose_targets(fallback.target, known):
            if target in targets or target.pk in delays:
                raise InvalidNotification(
                    f"target names {target.name!r} twice, and once as a Fallback. Name it once.",
                    argument="target",
                )
            delays[target.pk] = fallback.after
            later.append(target)
    return Chosen(targets=[*targets, *later], with_inbox=with_inbox, delays=delays)


def is_inbox_alone(chosen: Any) -> bool:
    """Tell whether a caller's only target is the inbox, whose titles may be longer.

    Args:
        chosen: The caller's target.
    """
    several = isinstance(chosen, Sequence) and not isinstance(chosen, str)
    return all(map(is_inbox, chosen)) if several and chosen else is_inbox(chosen)


def refuse_inbox(chosen: Any) -> None:
    """Refuse the inbox and fallbacks where people have no account.

    Args:
        chosen: The caller's target.

    Raises:
        InvalidNotification: When the target is the inbox, or a fallback.
    """
    if isinstance(chosen, Fallback) or (is_inbox(chosen) and installed_inbox() is not None):
        raise InvalidNotification(
            "target is the inbox or a Fallback, and an address without an account has no inbox."
            ' Name a target such as "Email", or notify users with notify().',
            argument="target",
        )


def _asks_inbox(names: Sequence[Any], known: Sequence[NotificationTarget]) -> bool:
    """Tell whether the inbox is among the names.

    A project without the app may have a target of that name, as before.

    Args:
        names: What the caller names.
        known: All existing targets.

    Raises:
        InvalidNotification: When there is no inbox, or a target has the same name.
    """
    if not any(map(is_inbox, names)):
        return False
    namesakes = [
        target
        for target in known
        if is_inbox(target.name) or is_inbox(target.notification_module_name)
    ]
    if installed_inbox() is None:
        if namesakes:
            return False
        raise without_inbox()
    if namesakes:
        raise InvalidNotification(
            f"target is {INBOX!r}, and the project has a target {namesakes[0].name!r} (module"
            f" {namesakes[0].notification_module_name!r}) beside the inbox app. Rename the target"
            " and its module, or pass the target itself.",
            argument="target",
        )
    return True


def _nothing_before(fallback: Fallback) -> InvalidNotification:
    if installed_inbox() is None:
        return without_inbox()
    return InvalidNotification(
        f"target has Fallback({fallback.target!r}) and not {INBOX!r}, so nothing can be read first."
        f" Add {INBOX!r}.",
        argument="target",
    )
