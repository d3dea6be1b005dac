"""The rules for email records by a user's address, without a database."""

import enum
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from ..models import TargetUserRecord
from ..models.address import ADDRESS_MAX_LENGTH

MANUAL = TargetUserRecord.Origin.MANUAL.value
USER_EMAIL = TargetUserRecord.Origin.USER_EMAIL.value
FORMER_USER_EMAIL = TargetUserRecord.Origin.FORMER_USER_EMAIL.value


class User(NamedTuple):
    """A user, as the rules see users.

    Attributes:
        key: The primary key.
        username: The return value of ``get_username()``.
        address: The trimmed email address, or an empty text.
        is_active: Whether the account is active.
        description: The description for a new record of the user.
        former_description: The description of a record made by release 1.5.3; ``None`` where the
            user model lacks the names for it.
    """

    key: Any
    username: str
    address: str
    is_active: bool
    description: str
    former_description: str | None


class Record(NamedTuple):
    """A record of the email target, as the rules see records."""

    id: uuid.UUID
    address: str
    description: str
    active: bool
    origin: str


class UserResult(enum.Enum):
    """The result for a user; every user read counts as one of these."""

    CREATED = enum.auto()
    UPDATED = enum.auto()
    UNCHANGED = enum.auto()
    WITHOUT_ADDRESS = enum.auto()
    INVALID = enum.auto()
    INACTIVE = enum.auto()
    FAILED = enum.auto()


class PlannedChange(NamedTuple):
    """A record now, and as planned."""

    before: Record
    after: Record


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes of a user's records.

    Attributes:
        result: The user's result, once the plan is carried out.
        create: Whether to create a record with the user's address.
        changes: Records to change.
    """

    result: UserResult
    create: bool = False
    changes: Sequence[PlannedChange] = ()


def plan(user: User, records: Sequence[Record], comparable: Callable[[str], str] = str) -> Plan:
    """Plan the changes of a user's records.

    Args:
        user: The user.
        records: All records of the user in the email target.
        comparable: Turns addresses that the database takes for the same into equal texts.

    Returns:
        The plan; once carried out, a new plan has no changes.
    """
    if not user.is_active:
        return Plan(UserResult.INACTIVE)
    usable = is_address(user.address)
    serving = _serving(user, records, comparable)
    owned = _looked_after(user, records)
    follower = None
    if usable and serving is None:
        follower = next((record for record in owned if record.active), None)
    changes = []
    for record in records:
        after = record
        if record is serving:
            if usable:
                after = _in_service(record, user.address, owned=record in owned)
        elif record is follower:
            after = record._replace(address=user.address, origin=USER_EMAIL)
        elif record in owned:
            after = _left_behind(record)
        if after != record:
            changes.append(PlannedChange(record, after))
    create = usable and serving is None and follower is None
    return Plan(_result(user, usable, create, changes), create, changes)


def is_address(text: str) -> bool:
    """Return whether a text is an address for mail.

    Args:
        text: The text, without white space around it.
    """
    if not text or len(text) > ADDRESS_MAX_LENGTH:
        return False
    try:
        validate_email(text)
    except ValidationError:
        return False
    return True


def _serving(
    user: User, records: Sequence[Record], comparable: Callable[[str], str]
) -> Record | None:
    for record in records:
        if record.address == user.address:
            return record
    wanted = comparable(user.address)
    return next((record for record in records if comparable(record.address) == wanted), None)


def _looked_after(user: User, records: Sequence[Record]) -> Sequence[Record]:
    """Return the records made by the command, in this release or in 1.5.3.

    Release 1.5.3 left no mark except its description. Once a user has a marked record, all unmarked
    records count as people's own.
    """
    if any(record.origin != MANUAL for record in records):
        return [record for record in records if record.origin == USER_EMAIL]
    return [record for record in records if record.description == user.former_description]


def _in_service(record: Record, address: str, *, owned: bool) -> Record:
    if record.origin == FORMER_USER_EMAIL:
        # Nobody but the command had switched the record off.
        return record._replace(address=address, origin=USER_EMAIL, active=True)
    if owned:
        return record._replace(address=address, origin=USER_EMAIL)
    return record


def _left_behind(record: Record) -> Record:
    if record.active:
        return record._replace(origin=FORMER_USER_EMAIL, active=False)
    # Somebody else has switched the record off: as a record of people's own, it keeps the address
    # off for good.
    return record._replace(origin=MANUAL)


def _result(user: User, usable: bool, create: bool, changes: Sequence[PlannedChange]) -> UserResult:
    if not user.address:
        return UserResult.WITHOUT_ADDRESS
    if not usable:
        return UserResult.INVALID
    if create:
        return UserResult.CREATED
    return UserResult.UPDATED if changes else UserResult.UNCHANGED
