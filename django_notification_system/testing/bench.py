"""A handler with its wire and stand-in, and requirements on a call of the handler."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..models import Notification
from ..outcome import Outcome, OutcomeKind, one_line
from .trial import Deliver, Trial, wait_until
from .wire import Wire

#: Seconds for threads and sockets to go, after a call of a handler has ended.
LEAVE_SECONDS = 5
#: Seconds for the loss of an answer, before the handler gets its second notification.
ALONE_SECONDS = 2

#: By the status that a handler in the manner of release 1.5.3 saved; other statuses are failures.
KIND_OF_SAVED = {
    Notification.DELIVERED: OutcomeKind.DELIVERED,
    Notification.SCHEDULED: OutcomeKind.RETRY,
    Notification.RETRY: OutcomeKind.RETRY,
}


def require(holds: bool, otherwise: str) -> None:
    """Fail a test unless the requirement holds, for every test runner and with Python's ``-O``.

    Args:
        holds: Whether the requirement holds.
        otherwise: The fault, and the next step.

    Raises:
        AssertionError: Where the requirement does not hold.
    """
    if not holds:
        raise AssertionError(otherwise)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A handler, its wire, and the messages that its provider took.

    Attributes:
        deliver: The handler's function.
        wire: The wire, or ``None`` without any connection.
        received: Returns a text for every message that the provider took.
        seconds: The longest time for a call of the handler.
        provider_knows_repeats: Whether the provider takes a repeated message once.
    """

    deliver: Deliver
    wire: Wire | None
    received: Callable[[], Iterable[str]]
    seconds: float
    provider_knows_repeats: bool = False

    def run(
        self,
        notifications: Sequence[Notification],
        *,
        close_after: int | None = None,
        stop_after: int | None = None,
        loses_answer: bool = False,
    ) -> Trial:
        """Call the handler.

        Args:
            notifications: The notifications for the handler.
            close_after: Close the handler's generator after so many outcomes; by default never.
            stop_after: Ask for a stop after so many outcomes; by default never.
            loses_answer: Whether the answer to the first message taken by the provider is lost.
        """
        before_second = None
        if loses_answer and self.wire is not None:
            lost = self.wire.has_lost_answer
            self.wire.loses_answer = lambda: bool(list(self.received()))
            before_second = lambda: lost.wait(ALONE_SECONDS)  # noqa: E731 # one expression
        trial = Trial(
            notifications,
            close_after=close_after,
            stop_after=stop_after,
            before_second=before_second,
        )
        trial.run(self.deliver, seconds=self.seconds)
        if loses_answer and trial.error is None and trial.unavailable is None:
            require(
                self.wire is not None and self.wire.has_lost_answer.is_set(),
                "No message reached the stand-in, or received() of the stand-in tells of a message"
                " only after the answer. Let received() tell of it before.",
            )
        return trial

    def require_end(self, trial: Trial) -> None:
        """Require that the call ended in time and raised no error except ``TargetUnavailable``.

        Args:
            trial: The call.

        Raises:
            AssertionError: Where the call did not end, or raised another error.
        """
        require(
            trial.has_ended,
            f"The handler is still at work after {self.seconds:g} s. Give every call to the"
            " provider a timeout, and set a short one in settings_for().",
        )
        if trial.error is not None:
            raise AssertionError(
                f"The handler raised {one_line(trial.error)}. Catch what a send raises, and yield"
                " that notification's outcome; raise TargetUnavailable alone."
            ) from trial.error
        for outcome in trial.outcomes:
            require(
                isinstance(outcome, Outcome),
                f"The handler yielded {type(outcome).__name__}, and not an Outcome. Make one with"
                " Outcome.delivered(), retry(), failed() or unknown().",
            )

    def require_one_outcome_each(self, trial: Trial) -> None:
        """Require a single, true outcome for every notification.

        Args:
            trial: A call of the handler.
        """
        self.require_end(trial)
        require(
            trial.unavailable is None,
            f"The handler raised TargetUnavailable ({trial.unavailable}). Correct settings_for(),"
            " or raise it only where no message can be sent to the target.",
        )
        for notification in trial.notifications:
            count = len(_outcomes_of(trial, notification))
            require(
                count == 1,
                f"{name(notification)} has {count} outcomes. Yield one for each notification that"
                " deliver() takes, and take all of them.",
            )
        self.require_truth(trial)

    def require_truth(self, trial: Trial) -> None:
        """Require that the outcomes agree with the provider's messages.

        Args:
            trial: A call of the handler.
        """
        for notification in trial.notifications:
            outcomes = _outcomes_of(trial, notification)
            times = self.times_received(notification)
            require(
                times <= 1,
                f"The provider took {name(notification)} {times} times. Send again only what was"
                " not written: nobody else can know what the provider did.",
            )
            for outcome in outcomes:
                self._require_true(notification, kind_of(outcome), is_received=times == 1)

    def _require_true(
        self, notification: Notification, kind: OutcomeKind, *, is_received: bool
    ) -> None:
        if kind is OutcomeKind.DELIVERED:
            require(
                is_received,
                f"{name(notification)} counts as delivered, and the provider has not taken it."
                " Yield Outcome.delivered() only after the provider's answer.",
            )
        elif kind is OutcomeKind.UNKNOWN:
            require(
                is_received or bool(self.wire is not None and self.wire.written),
                f"The outcome of {name(notification)} is unknown, and nothing was written to the"
                " provider. Yield Outcome.retry(…, unreachable=True) where no connection was made.",
            )
        elif not (kind is OutcomeKind.RETRY and self.provider_knows_repeats):
            require(
                not is_received,
                f"The provider took {name(notification)}, and its outcome is {said(kind)}. Yield"
                " Outcome.unknown() where the request was written and no answer came.",
            )

    def require_delivered(self, trial: Trial, notifications: Iterable[Notification]) -> None:
        """Require that the notifications were delivered.

        Args:
            trial: A call of the handler.
            notifications: The notifications.
        """
        for notification in notifications:
            kind = kind_in(trial, notification)
            responses = [outcome.response for outcome in _outcomes_of(trial, notification)]
            require(
                kind is OutcomeKind.DELIVERED,
                f"{name(notification)} is good, and its outcome is {said(kind)} ({responses})."
                " Let no other notification keep it from its way; or correct address() and"
                " settings_for().",
            )

    def require_nothing_left(self, trial: Trial) -> None:
        """Require that no connection and no thread of the call is left.

        Args:
            trial: A call of the handler.
        """
        wire = self.wire
        if wire is not None:
            wait_until(lambda: wire.open_connections == 0, seconds=LEAVE_SECONDS)
            require(
                wire.open_connections == 0,
                f"{wire.open_connections} connections to the provider are open after the end. Close"
                " them where deliver() ends, also where its generator is closed: open them in a"
                " with statement, or close them in finally.",
            )
        others = frozenset() if wire is None else wire.threads
        left = trial.left_threads(others=others, seconds=LEAVE_SECONDS)
        require(
            not left,
            f"These threads are left after the end: {', '.join(left)}. Join threads where deliver()"
            " ends, also where its generator is closed; parallel.side_by_side() does.",
        )

    def times_received(self, notification: Notification) -> int:
        """Return how often the provider took a notification's message.

        Args:
            notification: The notification.
        """
        return sum(code_of(notification) in text for text in self.received())


def code_of(notification: Notification) -> str:
    """Return the code in a notification's body; no other body has the code.

    Args:
        notification: The notification.
    """
    return str(notification.body).split()[0]


def name(notification: Notification) -> str:
    """Return a notification's name in its test.

    Args:
        notification: The notification.
    """
    return f"notification {notification.title!r}"


def said(kind: OutcomeKind | None) -> str:
    """Return a kind of outcome, for people.

    Args:
        kind: The kind; ``None`` for no outcome.
    """
    return "no outcome" if kind is None else kind.value


def kind_of(outcome: Outcome) -> OutcomeKind:
    """Return the kind of an outcome; for a status saved as in release 1.5.3, the status's kind.

    Args:
        outcome: The outcome.
    """
    if outcome.result is not OutcomeKind.AS_SAVED:
        return outcome.result
    return KIND_OF_SAVED.get(outcome.notification.status, OutcomeKind.FAILED)


def kind_in(trial: Trial, notification: Notification) -> OutcomeKind | None:
    """Return the kind of a notification's outcome, or ``None`` without an outcome.

    Args:
        trial: A call of the handler.
        notification: The notification.
    """
    return next(map(kind_of, _outcomes_of(trial, notification)), None)


def _outcomes_of(trial: Trial, notification: Notification) -> list[Outcome]:
    return [
        outcome
        for outcome in trial.outcomes
        if isinstance(outcome, Outcome) and outcome.notification.pk == notification.pk
    ]
