"""Suppressions from and to CSV files: of this app, of Amazon SES, and of SendGrid.

Sources of the providers' columns: Amazon SES's bulk files have an address and ``BOUNCE`` or
``COMPLAINT``, without a header
(https://docs.aws.amazon.com/ses/latest/dg/sending-email-suppression-list.html), and its API names
``EmailAddress``, ``Reason`` and ``LastUpdateTime``
(https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SuppressedDestinationSummary.html).
SendGrid's files have ``email`` and ``created``, and by the list ``status``, ``reason`` (the
server's text) or ``ip`` (https://github.com/SparkPost/sparkpost-cli, sendgrid-suppresions.md).
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from ..batches import batched, by_key
from ..categories import find_category, unknown_category
from ..database import leaving_existing, patiently
from ..exceptions import InvalidPreference
from ..models import ConsentLog, Notification, Suppression
from ..models.address import ADDRESS_MAX_LENGTH, trimmed
from ..models.locking import begin_with_a_write
from ..preferences.addresses import hasher
from ..preferences.suppressions import NOTE_MAX_LENGTH, WAYS, Reason
from .csv_lines import (
    LINES_AT_ONCE,
    BadLine,
    Line,
    Refuse,
    moment_read,
    moment_written,
    refuse_unstorable,
    remembering_keys,
)

#: The columns of an export.
COLUMNS = ("target", "address", "address_hash", "category", "reason", "created", "note")
#: This app's names, by the names in files.
KNOWN_COLUMNS = {
    **{name: name for name in COLUMNS},
    "target_key": "target",
    "email": "address",
    "email_address": "address",
    "emailaddress": "address",
    "lastupdatetime": "created",
    "created_date": "created",
}
HEADLESS = ("address", "reason")
HASH = re.compile(r"[0-9a-f]{64}")
#: Other words for reasons.
REASONS = {
    **{value: Reason(value) for value in Reason.values},
    "bounced": Reason.BOUNCE,
    "spam": Reason.COMPLAINT,
    "unsubscribe": Reason.UNSUBSCRIBED,
}

#: Target, hash and category, unique together.
UniqueKey = tuple[str, str, str]


@dataclass(frozen=True, kw_only=True)
class SuppressionImport:
    """An import of suppressions.

    Attributes:
        using: The database's alias.
        target: The target's key for lines without a target.
        category: The category's key for lines without a category; empty: all categories.
        reason: The reason for lines without a known reason.
        dry_run: Whether nothing is written.
    """

    using: str
    target: str = "email"
    category: str = ""
    reason: str = Reason.IMPORT
    dry_run: bool = False
    _hashers: dict[str, Any] = field(init=False, default_factory=dict)

    def run(self, lines: Iterable[Line], refuse: Refuse) -> Iterator[tuple[int, int]]:
        """Write 2,000 lines in a transaction; yield the numbers of new and of known suppressions.

        Waiting notifications stay: a run asks for suppressions right before it sends. No signal is
        sent.

        Args:
            lines: The lines.
            refuse: Told of each bad line, which is left out.
        """
        for batch in batched(self._read(lines, refuse), LINES_AT_ONCE):
            # The hash decides what one address is, on every database, and no collation does.
            rows: dict[UniqueKey, Suppression] = {}
            for row in batch:
                rows.setdefault(_unique_key(row), row)
            news = patiently(partial(self._write, rows), using=self.using)
            yield news, len(batch) - news

    @cached_property
    def _known_target_key(self) -> Callable[[str], str]:
        return remembering_keys(self.using)

    def _read(self, lines: Iterable[Line], refuse: Refuse) -> Iterator[Suppression]:
        for number, values in lines:
            try:
                yield self._row(values)
            except (BadLine, InvalidPreference) as error:
                refuse(number, str(error))

    def _row(self, values: Mapping[str, str]) -> Suppression:
        refuse_unstorable(values)
        key = self._known_target_key(values.get("target") or self.target)
        address, hashed = trimmed(values.get("address", "")), values.get("address_hash", "")
        if address:
            if len(address) > ADDRESS_MAX_LENGTH:
                raise BadLine(_("the address has more than %d characters") % ADDRESS_MAX_LENGTH)
            if key == "email" and "@" not in address:
                raise BadLine(_("%r is no email address") % address)
            if key not in self._hashers:
                self._hashers[key] = hasher(key)
            hashed = self._hashers[key](address)
        elif HASH.fullmatch(hashed) is None:
            raise BadLine(_("there is no address"))
        category = values.get("category") or self.category
        if category and find_category(category) is None:
            raise BadLine(unknown_category(category))
        said = values.get("reason", "")
        reason = REASONS.get(said.casefold())
        # SendGrid's reason is what the server said.
        note = values.get("note", "") or ("" if reason else said)
        return Suppression(
            target_key=key,
            category=category,
            address_hash=hashed,
            address=address,
            reason=reason or self.reason,
            note=note[:NOTE_MAX_LENGTH],
            created_date=_moment(values.get("created", "")) or timezone.now(),
        )

    def _write(self, rows: Mapping[UniqueKey, Suppression]) -> int:
        suppressions = Suppression.objects.using(self.using)
        with transaction.atomic(using=self.using):
            if not self.dry_run:
                begin_with_a_write(Notification._base_manager.using(self.using))
            hashes = {unique_key[1] for unique_key in rows}
            known = {_unique_key(row): row for row in suppressions.filter(address_hash__in=hashes)}
            news = [row for unique_key, row in rows.items() if unique_key not in known]
            if self.dry_run:
                return len(news)
            news.sort(key=_unique_key)  # in one order always, so that two imports do not deadlock
            suppressions.bulk_create(news, **leaving_existing("address_hash", using=self.using))
            # A provider's reason takes the place of a wish, so that START does not lift a bounce.
            firmer = [
                row
                for unique_key, row in rows.items()
                if unique_key in known
                and known[unique_key].reason in Suppression.WISHES
                and row.reason not in Suppression.WISHES
            ]
            for row in firmer:
                suppressions.filter(pk=known[_unique_key(row)].pk).update(reason=row.reason)
            ConsentLog.objects.using(self.using).bulk_create(
                ConsentLog(
                    target_key=row.target_key,
                    category=row.category,
                    address_hash=row.address_hash,
                    before="" if _unique_key(row) not in known else "no",
                    after="no",
                    how=WAYS[Reason.IMPORT],
                    wording=row.reason,
                )
                for row in [*news, *firmer]
            )
        return len(news)


def export_suppressions(write: Any, *, using: str) -> int:
    """Write all suppressions as CSV, and return their number.

    Args:
        write: A file, or another object with ``write()``.
        using: The database's alias.
    """
    writer = csv.writer(write, lineterminator="\n")
    writer.writerow(COLUMNS)
    number = 0
    for found in by_key(Suppression.objects.using(using).all(), LINES_AT_ONCE):
        number += len(found)
        for row in found:
            writer.writerow(
                [
                    row.target_key, row.address, row.address_hash, row.category, row.reason,
                    moment_written(row.created_date), row.note,
                ]
            )  # fmt: skip
    return number


def _moment(text: str) -> datetime | None:
    """Return a moment in ISO 8601, or in Unix seconds as SendGrid has it; None for another text."""
    try:
        if text.isascii() and text.isdecimal():
            return moment_read(datetime.fromtimestamp(int(text), UTC))
        return moment_read(parse_datetime(text))
    except (ValueError, OverflowError, OSError):
        return None


def _unique_key(row: Suppression) -> UniqueKey:
    return row.target_key, row.address_hash, row.category
