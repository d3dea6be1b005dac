"""``manage.py purge_notifications``: delete old notifications that have ended."""

import argparse
from collections import Counter
from typing import Any

from django.core.management.base import CommandError
from django.db import router
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from ...delivery.claims.targets import targets_named
from ...exceptions import NotificationSystemError
from ...models import Notification
from ...models.statuses import ENDED
from ...on_site import Inbox, installed_inbox
from ...operations.console.arguments import add_batch_size, add_database, add_targets
from ...operations.console.command import NotificationSystemCommand
from ...operations.console.duration import duration
from ...operations.console.progress import progress_bar
from ...operations.console.stopping import stopped_by_signals
from ...operations.forget_ips import forget_old_ips
from ...operations.purge import (
    PROTECTED,
    Purge,
    delete_unused_contents,
    unused_contents,
)
from ...operations.purge_records import RecordPurge
from ...operations.remove_bodies import body_removal

#: Contents may be large, and a database writes down what it deletes.
CONTENTS_IN_BATCH = 100
STATUSES = dict(Notification.STATUS_CHOICES)


class Command(NotificationSystemCommand):
    """Delete old notifications that have ended, with their history."""

    help = gettext_noop(
        "Delete notifications that ended long ago, with their attempts, in batches. What is still"
        " to be delivered stays, unless --status names its status; what a run holds always stays."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.description = _(self.help)
        parser.add_argument(
            "--older-than",
            type=duration,
            required=True,
            metavar="SPAN",
            help=_("Only what was due, and last attempted, longer ago than this, such as 90d."),
        )
        parser.add_argument(
            "--status",
            action="append",
            type=_status,
            metavar="STATUS",
            dest="statuses",
            help=_(
                "Only what has this status; may be given more than once. By default every status"
                " that is an end."
            ),
        )
        add_targets(parser)
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help=_("Count what would be deleted, and delete nothing."),
        )
        add_batch_size(
            parser, _("Delete N at a time (default: 1000, at most %(most)d)."), default=1000
        )
        parser.add_argument(
            "--keep-addresses",
            action="store_true",
            help=_(
                "Keep the unused records of people without an account. By default those are"
                " deleted that have not been changed for SPAN, have not bounced and are active."
            ),
        )
        add_database(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Delete, or count.

        Raises:
            CommandError: When a target is unknown, or another model protects a notification.
        """
        using = options["database"] or router.db_for_write(Notification)
        try:
            named = options["targets"]
            purge = Purge(
                before=timezone.now() - options["older_than"],
                using=using,
                statuses=options["statuses"] or ENDED,
                targets=targets_named(named, using=using) if named else None,
            )
        except NotificationSystemError as error:
            raise CommandError(str(error)) from error
        records = RecordPurge(before=purge.before, using=using, targets=purge.targets)
        if options["dry_run"]:
            self._say(_closing_line(purge.count(), dry_run=True), options)
            if not options["keep_addresses"] and (unused := records.rows().count()):
                self._say(_line_of_records(unused, dry_run=True), options)
            if (inbox := self._inbox(options)) and (
                old := inbox.count_old(purge.before, using=using)
            ):
                self._say(_line_of_items(old, dry_run=True), options)
            self._count_bodies(purge, options)
            return
        deleted: Counter[str] = Counter()
        is_stopped, refused = False, None
        try:
            is_stopped = self._delete(purge, deleted, options)
        except PROTECTED as error:
            refused = error
        self._say(_closing_line(deleted, dry_run=False), options)
        if not is_stopped and not options["keep_addresses"]:
            is_stopped = self._delete_records(records, options)
        if not is_stopped and (inbox := self._inbox(options)):
            is_stopped = self._delete_items(inbox, purge, options)
        if not is_stopped:
            is_stopped = self._remove_bodies(purge, options)
        if not is_stopped:
            forget_old_ips(using=using)
        if refused is not None:
            raise CommandError(
                _(
                    "Not all was deleted, as other rows refer to notifications: %(error)s Delete"
                    " those first, and run the command again. Deleted: %(count)d."
                )
                % {"error": refused.args[0], "count": deleted.total()}
            ) from refused

    def _count_bodies(self, purge: Purge, options: dict[str, Any]) -> None:
        """Say what a purge would remove beside what it would delete."""
        if removal := body_removal(using=purge.using, targets=purge.targets):
            rest = removal.remaining().exclude(pk__in=purge.rows().values("pk"))
            if number := rest.count():
                self._say(_line_of_removed(number, dry_run=True), options)
        if number := unused_contents(using=purge.using).count():
            self._say(_line_of_contents(number), options)

    def _delete_records(self, records: RecordPurge, options: dict[str, Any]) -> bool:
        """Delete unused records, and return whether a signal has ended the purge early."""
        stops: list[bool] = []
        deleted = 0
        with stopped_by_signals(lambda: stops.append(True), owns_process=self.owns_process):
            for number in records.delete(options["batch_size"]):
                deleted += number
                if stops:
                    break
        if deleted:
            self._say(_line_of_records(deleted, dry_run=False), options)
        return bool(stops)

    def _inbox(self, options: dict[str, Any]) -> Inbox | None:
        """Return the inbox, unless the purge is of some targets or statuses alone."""
        return None if options["targets"] or options["statuses"] else installed_inbox()

    def _delete_items(self, inbox: Inbox, purge: Purge, options: dict[str, Any]) -> bool:
        """Delete old items of the inbox; return whether a signal has ended the purge early."""
        stops: list[bool] = []
        deleted = 0
        with stopped_by_signals(lambda: stops.append(True), owns_process=self.owns_process):
            for number in inbox.delete_old(purge.before, options["batch_size"], using=purge.using):
                deleted += number
                if stops:
                    break
        if deleted:
            self._say(_line_of_items(deleted, dry_run=False), options)
        return bool(stops)

    def _remove_bodies(self, purge: Purge, options: dict[str, Any]) -> bool:
        """Remove texts and unused contents; return whether a signal has ended the purge early."""
        stops: list[bool] = []
        removed = 0
        removal = body_removal(using=purge.using, targets=purge.targets)
        with stopped_by_signals(lambda: stops.append(True), owns_process=self.owns_process):
            for number in removal.run(options["batch_size"]) if removal else ():
                removed += number
                if stops:
                    break
            if not stops:
                delete_unused_contents(CONTENTS_IN_BATCH, using=purge.using)
        if removed:
            self._say(_line_of_removed(removed, dry_run=False), options)
        return bool(stops)

    def _delete(self, purge: Purge, deleted: Counter[str], options: dict[str, Any]) -> bool:
        """Delete, and return whether a signal has ended the purge early."""
        stops: list[bool] = []
        shown = options["verbosity"] >= 1 and self.stderr.isatty()
        with (
            stopped_by_signals(lambda: stops.append(True), owns_process=self.owns_process),
            progress_bar(
                lambda: purge.count().total(), _("notifications"), shown=shown
            ) as progress,
        ):
            for batch in purge.delete(options["batch_size"]):
                deleted.update(batch)
                progress.advance(batch.total())
                if stops:
                    break
        return bool(stops)

    def _say(self, line: str, options: dict[str, Any]) -> None:
        if options["verbosity"] >= 1:
            self.stdout.write(line)


def _closing_line(counts: Counter[str], *, dry_run: bool) -> str:
    total = counts.total()
    if not total:
        return _("There is nothing to delete.")
    by_status = ", ".join(
        f"{_number(count)} {STATUSES[status]}" for status, count in counts.most_common()
    )
    if dry_run:
        line = ngettext(
            "Would delete %(count)s notification: %(by_status)s",
            "Would delete %(count)s notifications: %(by_status)s",
            total,
        )
    else:
        line = ngettext(
            "Deleted %(count)s notification: %(by_status)s",
            "Deleted %(count)s notifications: %(by_status)s",
            total,
        )
    return line % {"count": _number(total), "by_status": by_status}


def _line_of_removed(number: int, *, dry_run: bool) -> str:
    if dry_run:
        line = ngettext(
            "Would remove the text of %(count)s delivered notification.",
            "Would remove the texts of %(count)s delivered notifications.",
            number,
        )
    else:
        line = ngettext(
            "Removed the text of %(count)s delivered notification.",
            "Removed the texts of %(count)s delivered notifications.",
            number,
        )
    return line % {"count": _number(number)}


def _line_of_contents(number: int) -> str:
    line = ngettext(
        "Would delete %(count)s unused content of attachments.",
        "Would delete %(count)s unused contents of attachments.",
        number,
    )
    return line % {"count": _number(number)}


def _line_of_records(number: int, *, dry_run: bool) -> str:
    if dry_run:
        line = ngettext(
            "Would delete %(count)s unused record of a person without an account.",
            "Would delete %(count)s unused records of people without an account.",
            number,
        )
    else:
        line = ngettext(
            "Deleted %(count)s unused record of a person without an account.",
            "Deleted %(count)s unused records of people without an account.",
            number,
        )
    return line % {"count": _number(number)}


def _line_of_items(number: int, *, dry_run: bool) -> str:
    if dry_run:
        line = ngettext(
            "Would delete %(count)s item of the inbox.",
            "Would delete %(count)s items of the inbox.",
            number,
        )
    else:
        line = ngettext(
            "Deleted %(count)s item of the inbox.", "Deleted %(count)s items of the inbox.", number
        )
    return line % {"count": _number(number)}


def _number(number: int) -> str:
    return number_format(number, force_grouping=True)


def _status(text: str) -> str:
    status = text.upper().replace("_", " ").replace("-", " ")
    if status not in STATUSES:
        raise argparse.ArgumentTypeError(
            _("there is no status %(text)r; the statuses are %(statuses)s")
            % {"text": text, "statuses": ", ".join(STATUSES)}
        )
    return status
