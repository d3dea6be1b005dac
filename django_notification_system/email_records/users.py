"""Read users in batches, whatever the project's user model."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.utils.translation import gettext as _

from ..exceptions import NotificationSystemError
from ..models import TargetUserRecord
from ..models.address import trimmed
from .rules import User

DESCRIPTION_MAX_LENGTH = cast(int, TargetUserRecord._meta.get_field("description").max_length)


class UserReader:
    """Reads the users of a database, in the order of the primary key.

    Args:
        using: The database's alias.

    Raises:
        NotificationSystemError: When the user model has no field for an email address.
    """

    def __init__(self, using: str) -> None:
        self.model: type[AbstractBaseUser] = get_user_model()
        self.email_field = self.model.get_email_field_name()
        self.username_field = cast(Any, self.model).USERNAME_FIELD
        if not self._has(self.email_field):
            raise NotificationSystemError(
                _(
                    "The user model %(model)s has no field %(field)r. Set its EMAIL_FIELD to the"
                    " name of the field that holds the email address."
                )
                % {"model": self.model._meta.label, "field": self.email_field}
            )
        self._users = self.model._default_manager.using(using)
        self._has_is_active = self._has("is_active")
        self._has_names = self._has("first_name") and self._has("last_name")

    def count(self) -> int:
        """Return how many users exist."""
        return self._users.count()

    def batches(self, size: int) -> Iterator[list[User]]:
        """Yield all users, each list by a query of its own.

        Args:
            size: How many users a list has; the last may have fewer.
        """
        users = self._read(self._users.order_by("pk")[:size])
        while users:
            yield users
            users = self._read(self._users.filter(pk__gt=users[-1].key).order_by("pk")[:size])

    def again(self, keys: Iterable[Any]) -> list[User]:
        """Read users again; deleted users are left out.

        Args:
            keys: The users' keys.
        """
        return self._read(self._users.filter(pk__in=list(keys)).order_by("pk"))

    def _has(self, name: str) -> bool:
        try:
            field = self.model._meta.get_field(name)
        except FieldDoesNotExist:
            return False
        return isinstance(field, models.Field)

    def _read(self, users: models.QuerySet[AbstractBaseUser]) -> list[User]:
        if _has_own_naming(self.model):
            return [self._from_instance(user) for user in users]
        columns = ["pk", self.email_field, self.username_field]
        if self._has_is_active:
            columns.append("is_active")
        if self._has_names:
            columns += ["first_name", "last_name"]
        return list(map(self._from_columns(), users.values_list(*columns)))

    def _from_columns(self) -> Callable[[tuple[Any, ...]], User]:
        has_is_active, has_names = self._has_is_active, self._has_names

        def from_columns(row: tuple[Any, ...]) -> User:
            key, email, username, *rest = row
            is_active = rest[0] if has_is_active else True
            if not has_names:
                return _user(key, username, email, is_active, "", None)
            first_name, last_name = rest[-2:]
            former = f"{first_name} {last_name}"
            full_name = f"{first_name or ''} {last_name or ''}"
            return _user(key, username, email, is_active, full_name, former)

        return from_columns

    def _from_instance(self, user: AbstractBaseUser) -> User:
        get_full_name = getattr(user, "get_full_name", str)
        former = None
        if hasattr(user, "first_name") and hasattr(user, "last_name"):
            former = f"{user.first_name} {user.last_name}"
        return _user(
            user.pk,
            user.get_username(),
            getattr(user, self.email_field),
            user.is_active if self._has_is_active else True,
            get_full_name(),
            former,
        )


def _has_own_naming(model: type[AbstractBaseUser]) -> bool:
    """Return whether the model names users by own methods; such a method may read any column."""
    get_full_name = getattr(model, "get_full_name", AbstractUser.get_full_name)
    return (
        get_full_name is not AbstractUser.get_full_name
        or model.get_username is not AbstractBaseUser.get_username
    )


def _user(
    key: Any, username: Any, email: Any, is_active: Any, full_name: Any, former_name: str | None
) -> User:
    name = str(full_name or "").strip() or username
    return User(
        key=key,
        username=str(username),
        address=trimmed(str(email or "")),
        is_active=bool(is_active),
        description=f"{name}'s Email"[:DESCRIPTION_MAX_LENGTH],
        former_description=None if former_name is None else f"{former_name}'s Email",
    )
