"""Trouble with a provider, out of reach, out of order or busy, and the pause afterwards."""

from collections.abc import Sequence
from dataclasses import replace

from ...models import NotificationTarget
from ...observing.log import without_addresses
from ...outcome import OutcomeKind
from ..claims.pause import pause, resume
from ..handlers.all_alike import MOST_KEPT_BACK
from ..outcomes.doubts import has_stopped_with
from .context import RunContext
from .lull import Lull
from .messages import SoundAnswer
from .reach import Reach


class Trouble:
    """A target run's knowledge about trouble with the provider; for the run's thread.

    Args:
        target: The target.
        reach: The lane's knowledge.
        context: The run's context.

    Attributes:
        lull: The time in which the provider wants no messages.
    """

    def __init__(self, target: NotificationTarget, reach: Reach, context: RunContext) -> None:
        self.lull = Lull(context.settings.pause_seconds)
        self._target = target
        self._reach = reach
        self._context = context
        #: Answers without contact to the provider, kept until another message gets through, or the
        #: provider is found to be down.
        self._unreachable: list[SoundAnswer] = []
        #: Refusals that may be the settings' fault, kept until another message gets through, or the
        #: run ends: a handler that is called again and again says only in the end whether all are
        #: alike.
        self._undecided: list[SoundAnswer] = []
        self._reason = ""

    @property
    def kept(self) -> int:
        """How many notifications have an answer that is kept."""
        return len(self._unreachable) + len(self._undecided)

    def take(self, answer: SoundAnswer) -> None:
        """Apply an answer, put its notification back, or keep the answer for later.

        Args:
            answer: The answer.
        """
        outcome = answer.outcome
        if outcome.is_provider_down or outcome.is_busy:
            self._reason = without_addresses(outcome.response, [outcome.notification])
        elif not self._reach.is_cut_off:
            self.lull.end()
            self._apply_unreachable()
        if outcome.result is OutcomeKind.DELIVERED:
            self._apply_undecided()
        if outcome.is_busy:
            if answer.batch.put_back(outcome.notification):
                self.lull.begin(answer, has_answered=self._reach.has_answered)
            else:
                replace(answer, outcome=replace(outcome, is_busy=False)).apply()
        elif outcome.if_all_alike:
            self._undecided.append(answer)
            if len(self._undecided) >= MOST_KEPT_BACK:
                self._apply_undecided()
        elif outcome.is_attempt or outcome.is_record_busy:
            answer.apply()
        else:
            self._unreachable.append(answer)

    def end(self, problem: str | None) -> str | None:
        """Pause the target where the provider is down or busy, or end its pause.

        Args:
            problem: Why the target cannot be used, where the lane found a reason.

        Returns:
            The problem, or the sentence about the pause.
        """
        self._decide(problem)
        if self._is_fault_of_one:
            self._apply_unreachable()
        if self.lull.is_too_long and problem is None:
            return self._pause(self.lull.seconds, self.lull.refused, is_busy=True)
        if self._reach.is_cut_off or (self._unreachable and problem is None):
            return self._pause(self._context.settings.pause_seconds, self._unreachable)
        if self._target.paused_until is not None and self._reach.has_answered:
            resume(self._target, using=self._context.using)
        return problem

    @property
    def _is_fault_of_one(self) -> bool:
        """Whether the only fault is the provider's answer to a single notification."""
        return (
            self._reach.has_answered
            and not self._reach.is_cut_off
            and len(self._unreachable) == 1
            and self._unreachable[0].outcome.out_of_order
        )

    def _apply_unreachable(self) -> None:
        """Apply answers without contact to a provider that is there after all.

        A notification without a connection is tried again later. A notification that met a fault of
        the provider's own, while the provider takes others, may cause the fault: a plain attempt.
        """
        for answer in self._unreachable:
            replace(answer, outcome=replace(answer.outcome, out_of_order=False)).apply()
        self._unreachable.clear()

    def _apply_undecided(self) -> None:
        """Apply refusals beside which another message has got through: each counts."""
        for answer in self._undecided:
            answer.apply()
        self._undecided.clear()

    def _decide(self, problem: str | None) -> None:
        """Apply the refusals that are left: retries where this run or another blames the settings.

        Args:
            problem: Why the target cannot be used, where the lane found a reason.
        """
        using = self._context.using
        blamed = {
            advice: advice in (problem or "") or has_stopped_with(advice, self._target, using=using)
            for advice in {answer.outcome.if_all_alike for answer in self._undecided}
        }
        for answer in self._undecided:
            advice = answer.outcome.if_all_alike
            if blamed[advice]:
                answer = replace(answer, outcome=answer.outcome.as_retry(advice))
            answer.apply()
        self._undecided.clear()

    def _pause(self, seconds: float, tried: Sequence[SoundAnswer], *, is_busy: bool = False) -> str:
        """Pause the target; notifications that the provider did not see stay as they were.

        But notifications tried first after an earlier pause go behind the rest, so that no single
        notification can keep the others from being tried.

        Args:
            seconds: The length of the pause.
            tried: The answers of notifications tried in vain.
            is_busy: Whether the provider answers, but asks for a pause.
        """
        if self._target.paused_until is not None and not self._reach.has_answered:
            for answer in tried:
                answer.batch.put_last(answer.outcome.notification, at=answer.at)
        self._unreachable.clear()
        return pause(
            self._target, seconds, reason=self._reason, using=self._context.using, is_busy=is_busy
        )
