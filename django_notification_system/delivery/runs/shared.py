"""The fields used by both a lane's thread and the run's thread."""

import time
from collections import deque
from collections.abc import Iterator
from queue import SimpleQueue

from ...models import Notification
from ..handlers.concurrency import LaneConcurrency
from ..handlers.on_its_way import release_unsent
from .backlog import Backlog
from .messages import Answer, BatchRow, Fed
from .reach import Reach


class Shared:
    """The fields shared by the two threads of a lane.

    No lock is needed: a field is a queue, or only one thread writes the field, or the order of
    writes does not matter. *Handler* is the lane's thread or a thread started by the handler.

    ==========================  ==================  =============================================
    Field                       Written by          Read by
    ==========================  ==================  =============================================
    ``inbox``                   run (puts)          lane (gets)
    ``answers``                 lane (appends)      run (pops)
    ``returned``                lane (appends)      run (pops)
    ``taken``                   lane                lane; handler and run, as a copy
    ``backlog``                 see its class       lane and run
    ``reach``                   lane                lane; run: ``has_answered``, ``is_cut_off``
    ``concurrency``             lane, handler (has  lane, handler; run: at the end
                                a lock)
    ``says_what_it_begins``     lane                lane; run
    ``is_left_behind``          run, once           lane, handler
    ``has_posted``              lane sets, run      lane
                                clears
    ``progress_at``             lane and run: now   lane, run
    ==========================  ==================  =============================================

    Args:
        most_unrecorded: The number of unrecorded outcomes at which the handler gets no further
            notification, and so sends none.
        reach: The lane's knowledge about its provider.
        concurrency: How many messages the provider takes at once.

    Attributes:
        inbox: Slices on their way to the handler; ``None`` ends the lane, and ``FINISH_CALL`` ends
            the handler's present call where outcomes are missing.
        answers: The handler's answers not yet taken by the run.
        returned: Rows given back by the lane, as the provider is busy; the run feeds them again.
        taken: Rows with the handler, still without an outcome, by key.
        backlog: How many of the handler's outcomes are not recorded.
        reach: The lane's knowledge about its provider.
        concurrency: How many messages the provider takes at once.
        says_what_it_begins: Whether the handler marks every notification before sending.
        is_left_behind: Whether the run has abandoned the lane; other runs send the lane's rows.
        has_posted: Whether the run was told of outcomes and has not taken them yet.
        progress_at: When the handler last got or yielded something, by the monotonic clock.
    """

    def __init__(self, most_unrecorded: int, reach: Reach, concurrency: LaneConcurrency) -> None:
        self.inbox: SimpleQueue[Fed] = SimpleQueue()
        self.answers: deque[Answer] = deque()
        self.returned: deque[BatchRow] = deque()
        self.taken: dict[object, BatchRow] = {}
        self.backlog = Backlog(most_unrecorded)
        self.reach = reach
        self.concurrency = concurrency
        self.says_what_it_begins = False
        self.is_left_behind = False
        self.has_posted = False
        self.progress_at = time.monotonic()

    def note_progress(self) -> None:
        """Note that the handler got or yielded something, or waits and does not hang."""
        self.progress_at = time.monotonic()

    def take_answers(self) -> Iterator[Answer]:
        """Yield the handler's answers since the last call; for the run's thread.

        An answer stays here until the answer before was applied without an error.
        """
        while self.answers:
            self.backlog.take()
            yield self.answers.popleft()

    def note_unrecorded(self, number: int) -> None:
        """Let the handler go on where enough outcomes are recorded; for the run's thread.

        Args:
            number: How many outcomes taken by the run wait to be recorded.
        """
        if self.backlog.keep(number):
            self.note_progress()  # the handler waited for the run, and does not hang

    def taken_notifications(self) -> list[Notification]:
        """Return the handler's notifications; for any thread."""
        return [notification for _, notification in list(self.taken.values())]

    def release_unsent(self) -> list[BatchRow]:
        """Forbid the handler to begin more; return the rows that may be sent already.

        For either thread.
        """
        taken = list(self.taken.values())
        begun = {
            notification.pk
            for notification in release_unsent(
                [notification for _, notification in taken], says_so=self.says_what_it_begins
            )
        }
        return [(batch, notification) for batch, notification in taken if notification.pk in begun]
