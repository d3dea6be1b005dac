"""The users and the targets of a call."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Manager, Model, QuerySet

from ..batches import batched
from ..exceptions import InvalidNotification
from ..models import NotificationTarget
from ..targets import target_key


def is_user(value: Any) -> bool:
    """Return whether a value is a user; ``request.user`` is, when somebody is logged in.

    Args:
        value: The value given in place of a user.
    """
    return isinstance(value, get_user_model())


def key_batches(users: Any, size: int) -> Iterator[list[Any]]:
    """Yield the users' keys, ``size`` at a time, without loading all users.

    Args:
        users: A user, or an iterable or queryset of users.
        size: How many keys a batch has.

    Raises:
        InvalidNotification: When ``users`` has anything but saved users.
    """
    for batch in batched(_keys(users), size):
        yield list(dict.fromkeys(batch))


def _keys(users: Any) -> Iterator[Any]:
    if is_user(users):
        users = [users]
    if isinstance(users, Manager):
        users = users.all()
    if isinstance(users, QuerySet):
        return _keys_of_queryset(users)
    if isinstance(users, str | bytes) or not isinstance(users, Iterable):
        raise _no_user(users)
    return (_key(user) for user in users)


def _keys_of_queryset(users: "QuerySet[Model]") -> Iterator[Any]:
    if not issubclass(users.model, get_user_model()):
        raise InvalidNotification(
            f"users is a queryset of {users.model.__name__}; it must be one of "
            f"{get_user_model().__name__}.",
            argument="users",
        )
    return users.values_list("pk", flat=True).iterator(chunk_size=2500)


def _key(user: Any) -> Any:
    if not is_user(user):
        raise _no_user(user)
    if user.pk is None:
        raise InvalidNotification(
            f"users has the unsaved user {user}. Save it first.", argument="users"
        )
    return user.pk


def _no_user(value: Any) -> InvalidNotification:
    said = (
        f"users must be a {get_user_model().__name__}, or an iterable or queryset of them; found "
        f"{type(value).__name__} instead."
    )
    if value is None:
        said += " None is nobody to notify: leave it out, or look why there is no user."
    elif getattr(value, "is_anonymous", False):
        said += " Nobody is logged in: ask request.user.is_authenticated first."
    return InvalidNotification(said, argument="users")


def choose_targets(chosen: Any, known: Sequence[NotificationTarget]) -> list[NotificationTarget]:
    """Return the targets chosen by a caller of ``notify()``.

    Args:
        chosen: A target or its name, or an iterable of targets and names. Where no target has the
            name, a target's module name counts, or its key in ``NOTIFICATION_SYSTEM_TARGETS``.
        known: All existing targets.

    Raises:
        InvalidNotification: When a target does not exist, or none is chosen.
    """
    if isinstance(chosen, str | NotificationTarget) or not isinstance(chosen, Iterable):
        chosen = [chosen]
    targets = {target.pk: target for choice in chosen for target in _named(choice, known)}
    if not targets:
        raise InvalidNotification(
            "target is empty. Pass None to reach users in every target.", argument="target"
        )
    return list(targets.values())


def _named(choice: Any, known: Sequence[NotificationTarget]) -> list[NotificationTarget]:
    if isinstance(choice, NotificationTarget):
        named = [target for target in known if target.pk == choice.pk]
    else:
        named = [target for target in known if target.name == choice] or [
            target
            for target in known
            if str(choice).casefold()
            in (
                target.name.casefold(),
                target.notification_module_name.casefold(),
                target_key(target.notification_module_name),
            )
        ]
    if not named:
        names = ", ".join(repr(target.name) for target in known)
        raise InvalidNotification(
            f"There is no target {str(choice)!r}. The targets are: {names or 'none; run migrate'}.",
            argument="target",
        )
    return named
