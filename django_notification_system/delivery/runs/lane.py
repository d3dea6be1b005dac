"""A target's handler at work, in a thread of its own, on batch after batch.

A target has its own thread, so that a slow target delays no other. Only the run's thread uses the
database: so a test's transaction and SQLite's single writer are no obstacle.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator

from django.db import connections
from django.utils import timezone

from ...exceptions import TargetUnavailable
from ...models import Notification, NotificationTarget
from ...observing.log import log_fields
from ...outcome import Outcome, one_line, shortened
from ...targets import target_settings
from ..handlers.concurrency import LaneConcurrency, finding_concurrency
from ..handlers.find import FoundHandler, find_handler
from ..handlers.on_its_way import Released, begin_nothing_more_when
from ..handlers.without_user import said_of_error
from .concurrency_memory import remembered
from .context import RunContext
from .intake import Intake
from .messages import Answer, Arrived, Doubted, Event, FinishCall, Finished, RowsWanted, Slice
from .pace import Pace
from .reach import Reach
from .shared import Shared

logger = logging.getLogger("django_notification_system")

#: All errors of a handler become outcomes. A library that calls sys.exit(), a cancelled asyncio
#: task or a KeyboardInterrupt in the handler must end neither the thread nor the run.
HANDLER_ERRORS = BaseException
#: How many seconds a lane sleeps at once while waiting for its outcomes to be recorded.
LONGEST_SLEEP_SECONDS = 0.1


class Lane:
    """Passes due rows through its target's handler, and posts events to the run.

    The lane's thread owns all fields except ``shared``.

    Args:
        target: The handler's target. After a pause a single notification is tried first.
        context: The run's context.
        post: Posts an event to the run.
        is_alone: Whether the lane runs in the run's own thread. Otherwise the lane asks for the
            next slice at the beginning of the present slice, so that neither thread waits for the
            other.

    Attributes:
        target: The handler's target.
        shared: The fields that the run's thread uses, too.
    """

    def __init__(
        self,
        target: NotificationTarget,
        context: RunContext,
        post: Callable[[Event], None],
        *,
        is_alone: bool,
    ) -> None:
        settings = context.settings
        reach = Reach(settings.pause_after, is_probing=target.paused_until is not None)
        self.target = target
        concurrency = LaneConcurrency(remembered(target))
        self.shared = Shared(settings.record_every, reach, concurrency)
        self._context = context
        self._post = post
        self._pace = Pace(target_settings(target.notification_module_name).seconds_each)
        self._intake = Intake(self.shared.inbox, lambda: post(RowsWanted(self)))
        self._asks_ahead = not (is_alone or self._pace.is_limited)
        self._single_writer = None if is_alone else context.single_writer
        self._taken_count = 0
        #: Whether the handler was kept from sending taken rows, because the lease was over. The
        #: handler's threads set the flag; the lane's thread clears it when they have ended.
        self._has_slept = False

    def run_in_thread(self) -> None:
        """Run, and close the handler's connections of this thread."""
        try:
            self.run()
        finally:
            connections.close_all()

    def run(self) -> None:
        """Deliver all rows from the run; a handler's errors stay here."""
        problem = None
        try:
            handler = None
            while self._fill():
                # Only now: a missing handler is a problem only for a target with due rows.
                handler = handler or find_handler(self.target)
                self.shared.says_what_it_begins = handler.is_built_in
                with (
                    begin_nothing_more_when(self._begins_nothing_more),
                    finding_concurrency(self.shared.concurrency),
                ):
                    self._deliver(handler)
                if self.shared.reach.end_call():
                    self.shared.returned.extend(self._intake.drain())
        except TargetUnavailable as error:
            problem = shortened(str(error))
        except Released:
            pass  # The run has ended, and has given the handler's rows back.
        except HANDLER_ERRORS as error:
            logger.exception(
                "The handler of target %r failed.", self.target.name, extra=log_fields(self.target)
            )
            problem = one_line(error)
        finally:
            self._post(Finished(self, problem))

    def ask_again(self) -> None:
        """Ask for rows once more, behind all waiting events; for the run's thread."""
        self.shared.note_progress()  # the lane waits for the run, and no handler hangs
        self._post(RowsWanted(self))

    def _deliver(self, handler: FoundHandler) -> None:
        """Let the handler deliver as many rows as it takes, in one call."""
        self.shared.reach.begin_call()
        taken_before = self._taken_count
        self._wait_for_records()
        try:
            self._relay(handler.deliver(self._feed()))
        except (TargetUnavailable, Released):
            raise
        except HANDLER_ERRORS as error:
            self._deliver_alone(handler, error)
            return
        if self._taken_count == taken_before and self._goes_on():
            self._refuse_slice(handler)
        self._answer_for(handler)

    def _begins_nothing_more(self) -> bool:
        """Return whether the handler must begin no further row; for the handler's threads."""
        if not self._goes_on():
            return True
        # After a sleep of the process, other runs may have the handler's rows.
        batches = {id(batch): batch for batch, _ in list(self.shared.taken.values())}
        self._has_slept |= any(batch.lease.is_over for batch in batches.values())
        return self._has_slept

    def _goes_on(self) -> bool:
        shared = self.shared
        return not (shared.reach.is_cut_off or shared.is_left_behind or self._context.is_stopping())

    def _fill(self) -> bool:
        """Wait until there are rows for the handler; return ``False`` where none come for now."""
        intake = self._intake
        while self._goes_on():
            if intake.rows or intake.is_over:
                return bool(intake.rows)
            fed = intake.wait()
            if isinstance(fed, FinishCall) and self.shared.taken:
                return False  # a handler waiting here for more rows yields no outcome
            # Only once the provider has answered: for a provider that is down, the rest stays
            # unclaimed.
            if isinstance(fed, Slice) and self._asks_ahead and self.shared.reach.has_answered:
                intake.ask()
        return False

    def _feed(self) -> Iterator[Notification]:
        shared, rows = self.shared, self._intake.rows
        taken_before = self._taken_count
        while len(shared.taken) < shared.reach.most_taken:
            if shared.reach.is_busy:
                return
            if self._taken_count > taken_before and self._keeps_others_from_writing():
                return
            if not self._may_ask_for_more() or not self._fill():
                return
            if not self._pace.keep(self._goes_on):
                return
            if self._intake.is_doubtful and not self._recheck():
                continue
            batch, notification = rows.popleft()
            shared.taken[notification.pk] = (batch, notification)
            self._taken_count += 1
            yield notification

    def _recheck(self) -> bool:
        """Let the run check the rest of the slice; return whether any row is still to be sent."""
        self._post(Doubted(self, self._intake.clear()))
        return self._intake.wait_for_recheck(self._goes_on)

    def _keeps_others_from_writing(self) -> bool:
        """Return whether the handler has a transaction open on a database with a single writer.

        The handler must not wait for the run then, because the run waits for the transaction's end.
        So the handler gets no more rows in this call, and is called again with the next rows.
        """
        alias = self._single_writer
        return alias is not None and connections[alias].in_atomic_block

    def _may_ask_for_more(self) -> bool:
        """Return whether the handler may get more rows in its call, or wait here for its rate."""
        if not self._pace.is_limited or not self.shared.taken:
            return True
        silent_seconds = time.monotonic() - self.shared.progress_at
        return bool(self._intake.rows) and self._pace.may_gather(silent_seconds)

    def _relay(self, outcomes: Iterable[Outcome]) -> None:
        shared = self.shared
        for outcome in outcomes:
            batch = None
            if isinstance(outcome, Outcome):
                batch, _ = shared.taken.pop(outcome.notification.pk, (None, None))
                shared.reach.note(outcome)
            shared.note_progress()
            shared.backlog.give()
            shared.answers.append(Answer(batch, outcome, timezone.now(), shared.progress_at))
            if len(shared.answers) >= self._context.settings.record_every:
                self._post_arrival()
            self._wait_for_records()

    def _post_arrival(self) -> None:
        if not self.shared.has_posted:
            self.shared.has_posted = True
            self._post(Arrived(self))

    def _wait_for_records(self) -> None:
        """Wait while too many outcomes are unrecorded, before the handler sends more.

        In a run that shall end, the handler gets no more rows, and yields its known outcomes.
        """
        backlog = self.shared.backlog
        while backlog.is_full and self._goes_on() and not self._keeps_others_from_writing():
            self._post_arrival()
            backlog.wait(LONGEST_SLEEP_SECONDS)

    def _deliver_alone(self, handler: FoundHandler, error: BaseException) -> None:
        """Find the one notification that breaks a handler, by a call for every single notification.

        A notification that the handler may have sent before the error is sent again, unless the
        target prefers a lost message to a second copy.
        """
        logger.error(
            "%s raised while delivering a batch.",
            handler.source,
            exc_info=error,
            extra=log_fields(self.target),
        )
        again = list(self.shared.taken.values())
        if again and (len(again) == 1 or again[0][0].when_unknown == "fail"):
            self._relay(
                Outcome.unknown(notification, said_of_error(error, notification, handler.source))
                for _, notification in again
            )
            return
        self.shared.taken.clear()
        self._intake.take_back(again)
        for _ in range(len(again) or 1):
            for notification in self._feed():
                try:
                    self._relay(handler.deliver(iter([notification])))
                except (TargetUnavailable, Released):
                    raise
                except HANDLER_ERRORS as error_alone:
                    said = said_of_error(error_alone, notification, handler.source)
                    self._relay([Outcome.unknown(notification, said)])
                break
        self._answer_for(handler)

    def _refuse_slice(self, handler: FoundHandler) -> None:
        """Give outcomes to rows offered to the handler and not taken."""
        refused = self._intake.clear()
        self.shared.taken.update((row.pk, (batch, row)) for batch, row in refused)
        self._relay(
            Outcome.retry(notification, f"deliver() in {handler.source} did not take it.")
            for _, notification in refused
        )

    def _answer_for(self, handler: FoundHandler) -> None:
        """Give outcomes to rows that the handler forgot, except rows it was kept from sending."""
        if self._has_slept:
            self._take_back_unsent()
        shared = self.shared
        forgotten = list(shared.taken.values()) if self._goes_on() else shared.release_unsent()
        self._relay(
            Outcome.unknown(
                notification, f"deliver() in {handler.source} yielded no outcome for it."
            )
            for _, notification in forgotten
        )

    def _take_back_unsent(self) -> None:
        """Keep rows that the handler was kept from sending for another recheck."""
        self._has_slept = False
        unsent = [
            (batch, notification)
            for batch, notification in self.shared.taken.values()
            if self.shared.says_what_it_begins and not notification.is_on_its_way
        ]
        for _, notification in unsent:
            del self.shared.taken[notification.pk]
        self._intake.take_back(unsent)
