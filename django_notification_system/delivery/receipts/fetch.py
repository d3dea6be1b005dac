"""Asking providers what became of the messages that they took, where they do not tell unasked."""

from asyncio import CancelledError
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from django.utils import timezone
from django.utils.translation import gettext as _

from ...exceptions import TargetUnavailable
from ...models import NotificationTarget
from ...outcome import Receipt, ReceiptResult, one_line
from ..handlers.find import FoundHandler, find_handler
from ..handlers.in_time import in_time
from .awaited import Awaited, note_asked, pages_of_due, targets_with_receipts_due
from .record import record_receipts

#: What a handler may raise. Ctrl-C is not among these: receipts may be fetched in the main thread.
HANDLER_ERRORS = (Exception, SystemExit, CancelledError)


@dataclass
class Fetched:
    """What came of asking.

    Attributes:
        confirmed: How many messages have arrived.
        failed: How many will not.
        awaited: Of how many there was nothing to say yet.
        problems: What kept a target's provider from being asked, by the target's name.
    """

    confirmed: int = 0
    failed: int = 0
    awaited: int = 0
    problems: dict[str, str] = field(default_factory=dict)

    def add(self, other: "Fetched") -> None:
        """Add what came of asking another time; a problem is that of the last time."""
        self.confirmed += other.confirmed
        self.failed += other.failed
        self.awaited += other.awaited
        self.problems = other.problems


def fetch_receipts(
    targets: Sequence[NotificationTarget],
    *,
    using: str,
    is_stopping: Callable[[], bool] = lambda: False,
) -> Fetched:
    """Fetch the receipts that are due, and record them.

    Several processes may do so at once: each asks, and each answer is recorded once.

    Args:
        targets: Those whose providers are asked.
        using: The alias of the database that holds the notifications.
        is_stopping: Tells whether to come to an end.
    """
    fetched = Fetched()
    now = timezone.now()
    for target in targets_with_receipts_due(targets, now, using=using):
        try:
            handler = find_handler(target)
            if handler.fetch_receipts is not None:
                _Fetching(target, handler, fetched, using, now, is_stopping).run()
        except TargetUnavailable as unavailable:
            fetched.problems[target.name] = str(unavailable)
    return fetched


class _Fetching:
    """Asking one target's provider."""

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

    def run(self) -> None:
        """Ask, and record.

        Raises:
            TargetUnavailable: When the provider cannot be asked.
        """
        kept = self.handler.receipts_kept
        for page in pages_of_due(self.target, self.now, kept=kept, using=self.using):
            if not self._ask(page):
                return

    def _ask(self, page: Sequence[Awaited]) -> bool:
        """Ask about some messages; tell whether there was an answer, and more may be asked."""
        taken: list[Awaited] = []
        receipts = self._receipts(self._names(page, taken))
        module_name = self.target.notification_module_name
        record_receipts(module_name, receipts, using=self.using)
        if self.problem is not None:
            raise self.problem  # nobody knows which of the others the provider was asked about
        self.fetched.awaited += note_asked(
            taken, self.target, self.now, kept=self.handler.receipts_kept, using=self.using
        )
        return len(taken) == len(page)

    def _names(self, page: Iterable[Awaited], taken: list[Awaited]) -> Iterator[str]:
        for message in page:
            if self.is_stopping():
                return
            taken.append(message)
            yield message.message_id

    def _receipts(self, message_ids: Iterator[str]) -> Iterator[Receipt]:
        """Yield what the handler does, and keep its error: what came before it counts."""
        assert self.handler.fetch_receipts is not None  # noqa: S101 # see fetch_receipts()
        try:
            for receipt in in_time(partial(self.handler.fetch_receipts, message_ids)):
                if receipt.result is ReceiptResult.CONFIRMED:
                    self.fetched.confirmed += 1
                elif receipt.result is ReceiptResult.FAILED:
                    self.fetched.failed += 1
                else:
                    continue  # it is not the end, and is asked about again
                yield receipt
        except TargetUnavailable as unavailable:
            self.problem = unavailable
        except HANDLER_ERRORS as error:
            self.problem = TargetUnavailable(
                _("%(handler)s failed to fetch receipts: %(error)s")
                % {"handler": self.handler.source, "error": one_line(error)}
            )
