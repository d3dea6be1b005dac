"""Ask providers for the receipts of messages, where providers do not report unasked."""

from asyncio import CancelledError
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from django.utils import timezone
from django.utils.translation import gettext as _

from ...exceptions import TargetUnavailable
from ...models import NotificationTarget
from ...outcome import Receipt, ReceiptResult, one_line
from ...targets import target_settings
from ..claims.pause import pause_of
from ..handlers.all_alike import FirstReceipts
from ..handlers.find import FoundHandler, find_handler
from ..handlers.in_time import in_time
from ..handlers.outbox_hook import has_outbox_hook
from .due import Awaited, note_asked, pages_of_due, targets_with_receipts_due
from .record import record_receipts

#: A handler's errors. Ctrl-C is none: a command may fetch receipts in its main thread.
HANDLER_ERRORS = (Exception, SystemExit, CancelledError)
#: A longer pause was set by a person.
LONGEST_PAUSE_OF_RUN = timedelta(hours=1)


@dataclass
class Fetched:
    """The result of one fetch.

    Attributes:
        confirmed: How many messages have arrived.
        failed: How many messages will not arrive.
        awaited: How many messages the provider is asked about again: there is no receipt yet.
        given_up: How many messages the provider is not asked about again: no receipt came before
            the provider forgets receipts.
        problems: By the target's name, why the target's provider was not asked.
    """

    confirmed: int = 0
    failed: int = 0
    awaited: int = 0
    given_up: int = 0
    problems: dict[str, str] = field(default_factory=dict)

    def add(self, other: "Fetched") -> None:
        """Add a later fetch's counts, and take over its problems: earlier problems are past.

        Args:
            other: The later fetch.
        """
        self.confirmed += other.confirmed
        self.failed += other.failed
        self.awaited += other.awaited
        self.given_up += other.given_up
        self.problems = other.problems


def fetch_receipts(
    targets: Sequence[NotificationTarget],
    *,
    using: str,
    is_stopping: Callable[[], bool] = lambda: False,
) -> Fetched:
    """Fetch the receipts that are due, and record them.

    Several processes may fetch at once: all ask, and an answer is recorded once. A target that a
    run has paused is left out: its provider does not answer.

    Args:
        targets: The targets whose providers are asked.
        using: The alias of the database with the notifications.
        is_stopping: Returns whether to end early.
    """
    fetched = Fetched()
    now = timezone.now()
    for target in targets_with_receipts_due(targets, now, using=using):
        if _is_paused_by_run(target, using=using):
            continue
        try:
            handler = find_handler(target)
            if not has_outbox_hook():
                _check_kept(target, handler)
                _Fetching(target, handler, fetched, using, now, is_stopping).run()
        except TargetUnavailable as unavailable:
            fetched.problems[target.name] = str(unavailable)
    return fetched


def _is_paused_by_run(target: NotificationTarget, *, using: str) -> bool:
    """Tell whether a target is paused now, and not for longer than runs do.

    A person may pause a target for days; by then a provider has forgotten its receipts.
    """
    rest = pause_of(target, using=using)
    return rest is not None and timedelta(0) < rest <= LONGEST_PAUSE_OF_RUN


def _check_kept(target: NotificationTarget, handler: FoundHandler) -> None:
    """Check the module's ``RECEIPTS_KEPT``, before a row is judged by it."""
    kept: object = handler.receipts_kept
    name = target.notification_module_name
    minutes = target_settings(name).receipts_after
    if not isinstance(kept, timedelta):
        raise TargetUnavailable(
            _(
                "RECEIPTS_KEPT in %(handler)s is %(kept)r. Write a timedelta, such as"
                " timedelta(days=1)."
            )
            % {"handler": handler.source, "kept": kept}
        )
    if kept <= timedelta(minutes=minutes):
        raise TargetUnavailable(
            _(
                "RECEIPTS_KEPT in %(handler)s is %(kept)s, and receipts_after of %(name)r is"
                " %(minutes)s minutes: the provider has forgotten a receipt before the first"
                " question. Lower receipts_after."
            )
            % {"handler": handler.source, "kept": kept, "name": name, "minutes": minutes}
        )


def _know_nothing(message_ids: Iterable[str]) -> Iterator[Receipt]:
    """Stand in for the function of a module that has none any more.

    Rows that await a receipt are then asked about at the same distances, and end at the same time.
    """
    for _message_id in message_ids:
        pass
    yield from ()


class _Fetching:
    """One target's questions to its provider."""

    def __init__(
        self,
        target: NotificationTarget,
        handler: FoundHandler,
        fetched: Fetched,
        using: str,
        now: datetime,
        is_stopping: Callable[[], bool],
    ) -> None:
        self.target = target
        self.handler = handler
        self.fetched = fetched
        self.using = using
        self.now = now
        self.is_stopping = is_stopping
        self.problem: TargetUnavailable | None = None
        self.first = FirstReceipts()

    def run(self) -> None:
        """Ask, and record the answers.

        Raises:
            TargetUnavailable: When the provider cannot be asked, or the first receipts all say that
                the settings are wrong.
        """
        pages = pages_of_due(
            self.target,
            self.now,
            kept=self.handler.receipts_kept,
            on_given_up=self._count_given_up,
            using=self.using,
        )
        for page in pages:
            if not self._ask(page):
                break
        if self.first.advice_to_stop:
            raise TargetUnavailable(self.first.advice_to_stop)

    def _ask(self, page: Sequence[Awaited]) -> bool:
        """Ask about a page of messages; return whether the provider answered and takes more."""
        taken: list[Awaited] = []
        receipts = self._receipts(self._names(page, taken))
        module_name = self.target.notification_module_name
        record_receipts(module_name, receipts, using=self.using)
        if self.problem is not None:
            raise self.problem  # nobody knows about which other messages the provider was asked
        number = note_asked(
            taken,
            self.target,
            self.now,
            kept=self.handler.receipts_kept,
            on_given_up=self._count_given_up,
            using=self.using,
        )
        if self.handler.fetch_receipts is not None:
            self.fetched.awaited += number
        return len(taken) == len(page)

    def _count_given_up(self, number: int) -> None:
        self.fetched.given_up += number

    def _names(self, page: Iterable[Awaited], taken: list[Awaited]) -> Iterator[str]:
        for message in page:
            if self.is_stopping():
                return
            taken.append(message)
            yield message.message_id

    def _receipts(self, message_ids: Iterator[str]) -> Iterator[Receipt]:
        """Yield the handler's receipts, and keep its error: receipts before the error count."""
        fetch = self.handler.fetch_receipts or _know_nothing
        try:
            for receipt in in_time(partial(fetch, message_ids)):
                if receipt.result is ReceiptResult.CONFIRMED:
                    self.fetched.confirmed += 1
                elif receipt.result is ReceiptResult.FAILED:
                    self.fetched.failed += 1
                else:
                    continue  # not the message's end: the provider is asked again
                yield from self.first.judge(receipt)
        except TargetUnavailable as unavailable:
            self.problem = unavailable
        except HANDLER_ERRORS as error:
            self.problem = TargetUnavailable(
                _("%(handler)s failed to fetch receipts: %(error)s")
                % {"handler": self.handler.source, "error": one_line(error)}
            )
        yield from self.first.release()
