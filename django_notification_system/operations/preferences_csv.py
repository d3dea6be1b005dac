"""Preferences from and to CSV files."""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from ..batches import batched, by_key
from ..categories import category_of
from ..exceptions import InvalidPreference
from ..models import ConsentLog, Preference
from ..preferences.questions import known_category
from .csv_lines import (
    LINES_AT_ONCE,
    BadFile,
    BadLine,
    Line,
    Refuse,
    moment_read,
    moment_written,
    refuse_unstorable,
    remembering_keys,
)

#: The columns of an export.
COLUMNS = ("user", "category", "target", "state", "at", "how")
#: This app's names, by the names in files.
KNOWN_COLUMNS = {
    **{name: name for name in COLUMNS},
    "username": "user",
    "target_key": "target",
    "changed_date": "at",
}


@dataclass(frozen=True, kw_only=True)
class PreferenceImport:
    """An import of preferences.

    Attributes:
        using: The database's alias.
        user_field: The field of the user model that the column ``user`` has.
        dry_run: Whether nothing is written.
    """

    using: str
    user_field: str
    dry_run: bool = False

    def run(self, lines: Iterable[Line], refuse: Refuse) -> Iterator[tuple[int, int]]:
        """Write 2,000 lines at a time; yield the numbers of changed and unchanged preferences.

        A word that the person has spoken later than the line's moment stays. Waiting notifications
        stay too: a run asks for preferences right before it sends. No signal is sent.

        Args:
            lines: The lines.
            refuse: Told of each bad line, which is left out.
        """
        for batch in batched(lines, LINES_AT_ONCE):
            names = {values.get("user", "") for _, values in batch}
            users = self._users({name for name in names if "\0" not in name})
            wanted: dict[Any, tuple[Preference, str]] = {}
            for number, values in batch:
                try:
                    preference, how = self._row(values, users)
                    wanted[preference.place] = preference, how
                except (BadLine, InvalidPreference) as error:
                    refuse(number, str(error))
            changed = self._count(wanted) if self.dry_run else self._write(wanted)
            yield changed, len(wanted) - changed

    @cached_property
    def _known_target_key(self) -> Callable[[str], str]:
        return remembering_keys(self.using)

    def _users(self, names: set[str]) -> Mapping[str, Sequence[Any]]:
        users: dict[str, list[Any]] = {}
        rows = get_user_model()._base_manager.using(self.using)
        found = rows.filter(**{f"{self.user_field}__in": names - {""}})
        # By Python's comparison: MariaDB takes another spelling for the same.
        for key, name in found.values_list("pk", self.user_field):
            users.setdefault(str(name), []).append(key)
        return users

    def _row(
        self, values: Mapping[str, str], users: Mapping[str, Sequence[Any]]
    ) -> tuple[Preference, str]:
        refuse_unstorable(values)
        name = values.get("user", "")
        keys = users.get(name, ())
        if len(keys) != 1:
            told = _("%(number)d users have the %(field)s %(name)r")
            raise BadLine(told % {"number": len(keys), "field": self.user_field, "name": name})
        category, key = values.get("category", ""), values.get("target", "")
        if not category and not key:
            raise BadLine(_("there is neither a category nor a target"))
        if category and known_category(category).mandatory:
            raise BadLine(_("the category %r is mandatory, so nobody is asked") % category)
        state = values.get("state", "").casefold()
        if state not in Preference.State.values:
            known = ", ".join(Preference.State.values)
            raise BadLine(
                _("state is %(state)r; known are %(known)s") % {"state": state, "known": known}
            )
        how = values.get("how") or ConsentLog.How.IMPORT
        if how not in ConsentLog.How.values:
            known = ", ".join(ConsentLog.How.values)
            raise BadLine(_("how is %(how)r; known are %(known)s") % {"how": how, "known": known})
        preference = Preference(
            user_id=keys[0],
            category=category_of(category).key if category else "",
            target_key=self._known_target_key(key) if key else "",
            state=state,
            changed_date=_moment(values.get("at", "")),
        )
        return preference, how

    def _write(self, wanted: Mapping[Any, tuple[Preference, str]]) -> int:
        by_way: dict[str, list[Preference]] = {}
        for preference, how in wanted.values():
            by_way.setdefault(how, []).append(preference)
        rows = Preference.objects.using(self.using)
        return sum(rows.bulk_set(some, how=how, keep_moments=True) for how, some in by_way.items())

    def _count(self, wanted: Mapping[Any, tuple[Preference, str]]) -> int:
        users = {preference.user_id for preference, _ in wanted.values()}
        rows = Preference.objects.using(self.using).filter(user__in=users)
        known = {row.place: row for row in rows}
        return sum(
            place not in known
            or (
                known[place].state != preference.state
                and known[place].changed_date <= preference.changed_date
            )
            for place, (preference, _) in wanted.items()
        )


def user_field(name: str | None) -> str:
    """Return the name of a field of the user model; by default the username field.

    Args:
        name: The field, or ``None``.

    Raises:
        BadFile: When the user model has no such field.
    """
    model = get_user_model()
    try:
        return model._meta.get_field(name or model.USERNAME_FIELD).name
    except FieldDoesNotExist as error:
        raise BadFile(_("The user model has no field %r.") % name) from error


def export_preferences(write: Any, *, using: str, user_field: str) -> int:
    """Write all preferences as CSV, and return their number.

    Args:
        write: A file, or another object with ``write()``.
        using: The database's alias.
        user_field: The field of the user model for the column ``user``.
    """
    writer = csv.writer(write, lineterminator="\n")
    writer.writerow(COLUMNS)
    number = 0
    for found in by_key(Preference.objects.using(using).all(), LINES_AT_ONCE):
        keys = {row.user_id for row in found}
        users = get_user_model()._base_manager.using(using).filter(pk__in=keys)
        names = dict(users.values_list("pk", user_field))
        log = ConsentLog.objects.using(using).filter(user__in=keys).order_by("at", "pk")
        ways = {
            (user, category, key): how
            for user, category, key, how in log.values_list("user", "category", "target_key", "how")
        }
        # A user deleted since the first query has no preferences any more.
        of_users = [row for row in found if row.user_id in names]
        number += len(of_users)
        for row in of_users:
            said = moment_written(row.changed_date), ways.get(row.place, "")
            writer.writerow([names[row.user_id], row.category, row.target_key, row.state, *said])
    return number


def _moment(text: str) -> datetime:
    if not text:
        return timezone.now()
    try:
        moment = moment_read(parse_datetime(text))
    except ValueError:
        moment = None
    if moment is None:
        raise BadLine(_("at is %r, which is no moment such as 2026-11-28T12:00:00Z") % text)
    if moment > timezone.now():
        raise BadLine(_("at is %r, which is yet to come") % text)
    return moment
