"""One target's handler at work, in a thread of its own, on batch after batch of its target.

A thread each, so that a target that is slow holds up no other; the database stays with the run's
own thread, so that a test's transaction and SQLite's single writer are no obstacle.
"""

import enum
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from queue import Empty, SimpleQueue

from django.db import connections
from django.utils import timezone

from ...exceptions import TargetUnavailable
from ...models import Notification, NotificationTarget
from ...observing.log import log_fields
from ...outcome import Outcome, one_line, shortened
from ..handlers.find import FoundHandler, find_handler
from ..handlers.on_its_way import beginning_nothing_more_when, give_back_unsent
from .backlog import Backlog
from .in_flight import BatchInFlight
from .instant import Instant

logger = logging.getLogger("django_notification_system")

#: Whatever a handler raises is an outcome. A library that calls sys.exit(), a cancelled task of
#: asyncio's, a KeyboardInterrupt of the handler's own must end neither its thread nor the run.
HANDLER_ERRORS = BaseException
#: A handler that takes so many and answers for none reads all into a list: it gets no more at once.
MOST_TAKEN = 2000
#: How long a lane sleeps at once that waits for its rate, or for its outcomes to be recorded.
LONGEST_SLEEP_SECONDS = 0.1
#: What has waited here for so long is looked at once more before it is sent.
LOOK_AGAIN_SECONDS = 1.0
#: How long a handler may gather notifications at its rate before it must send them.
GATHER_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """The handler asks for more."""

    lane: "Lane"


@dataclass(frozen=True, slots=True)
class Arrived:
    """There are enough outcomes to record them."""

    lane: "Lane"


@dataclass(frozen=True, slots=True)
class Finished:
    """The handler is through with what is due, or gave up on its target."""

    lane: "Lane"
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Doubted:
    """Rows have waited in the lane since they were looked at, or the process has slept.

    Attributes:
        lane: Which.
        rows: The rows, each with its batch, in order.
    """

    lane: "Lane"
    rows: list[tuple[BatchInFlight, Notification]]


Event = Wanted | Arrived | Finished | Doubted


class FinishCall(enum.Enum):
    """Says that the handler is to answer for what it has before it gets more."""

    FINISH_CALL = "finish call"


@dataclass(frozen=True, slots=True)
class Slice:
    """Rows to be sent, as they were at a moment.

    Attributes:
        rows: The rows, each with its batch, in order.
        looked_at: When the database said that they are to be sent.
        is_answer: Whether the lane had them before, and doubted that.
    """

    rows: list[tuple[BatchInFlight, Notification]]
    looked_at: Instant
    is_answer: bool = False


#: Rows; or that there are none as yet; or, as ``None``, that there will be none.
HandedOver = Slice | FinishCall | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the handler yielded, which should be an outcome of a notification that it took.

    Attributes:
        batch: That of the notification; ``None`` where the handler was not asked about it.
        outcome: What was yielded.
        at: When.
        monotonic: Likewise, by the clock that nobody sets.
    """

    batch: BatchInFlight | None
    outcome: object
    at: datetime
    monotonic: float


class Lane:
    """Takes what is due through its target's handler, and tells the run what happens.

    The handler's thread owns it; it meets the run's in two queues.

    Args:
        target: Whose handler. One whose pause is over is tried with a single notification first.
        post: Tells the run of an event.
        is_stopping: Whether the run is to end early.
        most_unrecorded: While so many outcomes wait to be recorded, the handler is asked for no
            further one, and so sends nothing more.
        cut_off_after: Try no more where the provider could not be reached so many times in a row.
        seconds_each: Let so many seconds pass between two notifications.
        asks_ahead: Ask for the next slice when the last one is begun and not when it is used up,
            so that neither the handler nor the run waits for the other.
        single_writer: The alias of the notifications' database, where that lets one connection
            write at a time, and the run has another than the handler.

    Attributes:
        inbox: Slices of a batch on their way to the handler; ``None`` ends its work, and
            ``FINISH_CALL`` ends the handler's call where it has answers to give.
        answers: What the handler said, and the run has not yet taken.
        backlog: How many of the handler's outcomes are not recorded.
        taken: With the handler, which has given no outcome for them, by key.
        has_answered: Whether the provider has, to something that the handler sent.
        put_off: Given back by the lane, because the provider is busy, for the run to give again.
        is_cut_off: Whether the provider is taken for down.
        is_left_behind: Whether the run has given it up, and what it still has is others' to send.
        progress_at: When the handler last got or said something, by the monotonic clock.
    """

    def __init__(
        self,
        target: NotificationTarget,
        post: Callable[[Event], None],
        is_stopping: Callable[[], bool],
        *,
        most_unrecorded: int,
        cut_off_after: int,
        seconds_each: float,
        asks_ahead: bool,
        single_writer: str | None = None,
    ) -> None:
        self.target = target
        self.inbox: SimpleQueue[HandedOver] = SimpleQueue()
        self.answers: deque[Answer] = deque()
        self.taken: dict[object, tuple[BatchInFlight, Notification]] = {}
        self.has_answered = False
        self.put_off: deque[tuple[BatchInFlight, Notification]] = deque()
        self.is_cut_off = False
        self.is_left_behind = False
        self.progress_at = time.monotonic()
        self._post = post
        self._is_stopping = is_stopping
        self.backlog = Backlog(most_unrecorded)
        #: Tell the run of outcomes when there are so many; the run looks by itself, too.
        self._post_every = most_unrecorded
        self._posted = False
        self._cut_off_after = cut_off_after
        self._is_probing = target.paused_until is not None
        self._unreachable_in_row = 0
        self._seconds_each = seconds_each
        self._next_at = 0.0
        self._asks_ahead = asks_ahead and not seconds_each
        self._single_writer = single_writer
        self._has_asked = False
        #: From the inbox, and not yet taken by the handler.
        self._slice: deque[tuple[BatchInFlight, Notification]] = deque()
        self._looked_at = Instant.now()
        #: From the inbox, while the lane waited for something else.
        self._put_by: deque[HandedOver] = deque()
        self._exhausted = False
        self._taken_count = 0
        #: Whether the provider has said in the present call of the handler that it is busy.
        self._is_busy = False
        #: How many it has answered otherwise in that call.
        self._answered = 0
        #: How many the handler may have at once: fewer after the provider was busy.
        self._most_taken = MOST_TAKEN
        self._says_what_it_begins = False
        #: Whether the handler was kept from beginning what it took, as its lease was over: written
        #: by the handler's threads, and by the lane's when they are through.
        self._has_slept = False

    def run_in_thread(self) -> None:
        """Run, and close the connections that the handler opened in this thread."""
        try:
            self.run()
        finally:
            connections.close_all()

    def run(self) -> None:
        """Deliver all that the run hands over; whatever a handler raises stays here."""
        problem = None
        try:
            handler = None
            while self._fill_slice():
                # Only now: where there is none, what is due says so, and nothing else.
                handler = handler or find_handler(self.target)
                self._says_what_it_begins = handler.is_built_in
                with beginning_nothing_more_when(self._begins_nothing_more):
                    self._deliver(handler)
                self._adapt()
        except TargetUnavailable as error:
            problem = shortened(str(error))
        except HANDLER_ERRORS as error:
            logger.exception(
                "The handler of target %r failed.", self.target.name, extra=log_fields(self.target)
            )
            problem = one_line(error)
        finally:
            self._post(Finished(self, problem))

    def take_answers(self) -> Iterator[Answer]:
        """Yield what the handler has said since the last time; for the run's thread."""
        self._posted = False
        while self.answers:
            self.backlog.take()
            yield self.answers.popleft()

    def give_back_unsent(self) -> list[tuple[BatchInFlight, Notification]]:
        """Let the handler begin nothing more; return what it may have sent and gave no outcome."""
        taken = list(self.taken.values())
        notifications = [notification for _, notification in taken]
        begun = {
            notification.pk
            for notification in give_back_unsent(notifications, says_so=self._says_what_it_begins)
        }
        return [(batch, notification) for batch, notification in taken if notification.pk in begun]

    def note_unrecorded(self, number: int) -> None:
        """Let the handler go on where enough outcomes are recorded; for the run's thread.

        Args:
            number: How many of the outcomes that the run took wait to be recorded.
        """
        if self.backlog.keep(number):
            self.progress_at = time.monotonic()  # it waited for the run, and no handler hangs

    def ask_again(self) -> None:
        """Ask for more once more, after what waits for the run; for the run's thread."""
        self.progress_at = time.monotonic()  # it waits for the run, and no handler hangs
        self._post(Wanted(self))

    def _deliver(self, handler: FoundHandler) -> None:
        """Let the handler deliver as many as it takes, in one go."""
        self._answered = 0
        taken_before = self._taken_count
        self._wait_for_records()
        try:
            self._relay(handler.deliver(self._feed()))
        except TargetUnavailable:
            raise
        except HANDLER_ERRORS as error:
            self._deliver_alone(handler, error)
            return
        if self._taken_count == taken_before and self._goes_on():
            self._refuse_slice(handler)
        self._answer_for(handler)

    def _adapt(self) -> None:
        """After a call in which the provider was busy: wait for the run, and send less at once."""
        if not self._is_busy:
            self._most_taken = min(self._most_taken * 2, MOST_TAKEN)
            return
        self._most_taken = max(self._answered, 1)
        self._is_busy = False
        self._exhausted = False
        while True:
            self.put_off.extend(self._slice)
            self._slice.clear()
            try:  # what was asked for ahead
                handed_over = self._put_by.popleft() if self._put_by else self.inbox.get_nowait()
            except Empty:
                return
            self._has_asked = False
            if isinstance(handed_over, Slice):
                self._slice.extend(handed_over.rows)

    def _begins_nothing_more(self) -> bool:
        """Tell whether what the handler took is not to be begun; asked in the handler's threads."""
        if not self._goes_on():
            return True
        # The process slept, and others may have by now what the handler took.
        batches = {id(batch): batch for batch, _ in list(self.taken.values())}
        self._has_slept |= any(batch.is_lease_over for batch in batches.values())
        return self._has_slept

    def _goes_on(self) -> bool:
        return not (self.is_cut_off or self.is_left_behind or self._is_stopping())

    def _fill_slice(self) -> bool:
        """Tell whether there is something to take, and wait for the run to say so."""
        while self._goes_on():
            if self._slice or self._exhausted:
                return bool(self._slice)
            self._ask()
            handed_over = self._put_by.popleft() if self._put_by else self.inbox.get()
            self._has_asked = False
            if handed_over is None:
                self._exhausted = True
            elif isinstance(handed_over, FinishCall):
                if self.taken:
                    return False  # no handler answers while it waits here for more
            else:
                self._slice.extend(handed_over.rows)
                self._looked_at = handed_over.looked_at
                # Not before the provider has answered: where it is down, the rest stays unclaimed.
                if self._asks_ahead and self.has_answered:
                    self._ask()
        return False

    def _ask(self) -> None:
        if not self._has_asked:
            self._has_asked = True
            self._post(Wanted(self))

    def _feed(self) -> Iterator[Notification]:
        taken_before = self._taken_count
        while len(self.taken) < (1 if self._is_probing else self._most_taken):
            if self._is_busy:
                return
            if self._taken_count > taken_before and self._keeps_others_from_writing():
                return
            if not self._may_ask_for_more() or not self._fill_slice() or not self._keep_pace():
                return
            if self._is_doubtful() and not self._look_again():
                continue
            batch, notification = self._slice.popleft()
            self.taken[notification.pk] = (batch, notification)
            self._taken_count += 1
            yield notification

    def _is_doubtful(self) -> bool:
        """Tell whether the next row may have changed since the database was asked about it."""
        _, notification = self._slice[0]
        age = self._looked_at.age
        if age > LOOK_AGAIN_SECONDS:
            return True
        now = timezone.now()
        looked_at = now - timedelta(seconds=age)
        return notification.has_expired(now) and not notification.has_expired(looked_at)

    def _look_again(self) -> bool:
        """Let the run look at what is left of the slice; tell whether some of it is to be sent."""
        rows = list(self._slice)
        self._slice.clear()
        self._post(Doubted(self, rows))
        while self._goes_on():
            handed_over = self.inbox.get()
            if isinstance(handed_over, Slice) and handed_over.is_answer:
                self._slice.extend(handed_over.rows)
                self._looked_at = handed_over.looked_at
                break
            self._put_by.append(handed_over)
        return bool(self._slice)

    def _keeps_others_from_writing(self) -> bool:
        """Tell whether the handler has a transaction open where one connection writes at a time.

        It must not wait for the run then, which waits for that transaction to end. So it gets no
        more in this call; when the call has ended, it is called again with the next.
        """
        alias = self._single_writer
        return alias is not None and connections[alias].in_atomic_block

    def _may_ask_for_more(self) -> bool:
        """Tell whether the handler may wait here for its rate.

        While it waits it cannot say what came of those that it has. So it gets no more in this
        call where the wait may be long, or where it gathers them to send them together.
        """
        if not self._seconds_each or not self.taken:
            return True
        wait = self._next_at - time.monotonic()
        silence = time.monotonic() - self.progress_at
        return bool(self._slice) and wait <= LONGEST_SLEEP_SECONDS and silence < GATHER_SECONDS

    def _keep_pace(self) -> bool:
        """Wait until the target's rate allows the next; ``False`` where the run is to stop."""
        if not self._seconds_each:
            return True
        while (wait := self._next_at - time.monotonic()) > 0:
            if not self._goes_on():
                return False
            time.sleep(min(wait, LONGEST_SLEEP_SECONDS))
        now = time.monotonic()
        is_on_time = now - self._next_at < self._seconds_each
        self._next_at = (self._next_at if is_on_time else now) + self._seconds_each
        return True

    def _relay(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            batch = None
            if isinstance(outcome, Outcome):
                batch, _ = self.taken.pop(outcome.notification.pk, (None, None))
                self._note_reach(outcome)
            self.progress_at = time.monotonic()
            self.backlog.give()
            self.answers.append(Answer(batch, outcome, timezone.now(), self.progress_at))
            if len(self.answers) >= self._post_every:
                self._post_arrival()
            self._wait_for_records()

    def _post_arrival(self) -> None:
        if not self._posted:
            self._posted = True
            self._post(Arrived(self))

    def _wait_for_records(self) -> None:
        """Wait while as many outcomes are unrecorded as may be, before the handler sends more.

        Where the run is to end, the handler gets nothing more, and tells what it knows.
        """
        while self.backlog.is_full and self._goes_on() and not self._keeps_others_from_writing():
            self._post_arrival()
            self.backlog.wait(LONGEST_SLEEP_SECONDS)

    def _note_reach(self, outcome: Outcome) -> None:
        """Notice that the provider is there, or that it has not been for too many in a row."""
        if outcome.is_busy:
            self._is_busy = True
            return
        if not outcome.is_provider_down:
            self._answered += 1
            self._unreachable_in_row = 0
            self._is_probing = False
            self.has_answered = True
            return
        self._unreachable_in_row += 1
        if self._is_probing or self._unreachable_in_row >= self._cut_off_after:
            self.is_cut_off = True

    def _deliver_alone(self, handler: FoundHandler, error: BaseException) -> None:
        """Find the one notification that a handler breaks on by giving it each alone.

        What it may have sent before it broke is sent again, unless the target would rather lose
        a message than send it twice.
        """
        logger.error(
            "%s raised while delivering a batch.",
            handler.source,
            exc_info=error,
            extra=log_fields(self.target),
        )
        again = list(self.taken.values())
        if again and (len(again) == 1 or again[0][0].when_unknown == "fail"):
            self._relay(Outcome.unknown(notification, one_line(error)) for _, notification in again)
            return
        self.taken.clear()
        self._slice.extendleft(reversed(again))
        for _ in range(len(again) or 1):
            for notification in self._feed():
                try:
                    self._relay(handler.deliver(iter([notification])))
                except TargetUnavailable:
                    raise
                except HANDLER_ERRORS as its_error:
                    self._relay([Outcome.unknown(notification, one_line(its_error))])
                break
        self._answer_for(handler)

    def _refuse_slice(self, handler: FoundHandler) -> None:
        """Give an outcome to what the handler was offered and did not want."""
        refused = list(self._slice)
        self._slice.clear()
        self.taken.update({one.pk: (batch, one) for batch, one in refused})
        self._relay(
            Outcome.retry(notification, f"deliver() in {handler.source} did not take it.")
            for _, notification in refused
        )

    def _answer_for(self, handler: FoundHandler) -> None:
        """Give an outcome to what the handler forgot, but for what it was not to begin any more."""
        if self._has_slept:
            self._take_back_unsent()
        forgotten = list(self.taken.values()) if self._goes_on() else self.give_back_unsent()
        self._relay(
            Outcome.unknown(
                notification, f"deliver() in {handler.source} yielded no outcome for it."
            )
            for _, notification in forgotten
        )

    def _take_back_unsent(self) -> None:
        """Keep for another look what the handler was kept from beginning."""
        self._has_slept = False
        unsent = [
            (batch, notification)
            for batch, notification in self.taken.values()
            if self._says_what_it_begins and not notification.is_on_its_way
        ]
        for _, notification in unsent:
            del self.taken[notification.pk]
        self._slice.extendleft(reversed(unsent))
