"""Stop a target whose first messages of a run are all refused alike: the settings are to blame.

A wrong key, another project's credentials, or numbers imported without the country look to a
provider like many dead addresses. Believed one by one, such answers would switch every record off.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, Generic, TypeVar

from django.utils.translation import gettext as _

from ...exceptions import TargetUnavailable
from ...models import Notification
from ...outcome import Outcome, OutcomeKind, Receipt, ReceiptResult, with_next_step

Deliver = Callable[[Iterable[Notification]], Iterator[Outcome]]
SaidT = TypeVar("SaidT", Outcome, Receipt)

#: How many records must be refused alike.
RECORDS = 20
#: How many refusals are kept at the most, where many are of the same few records.
MOST_KEPT_BACK = 5 * RECORDS


def stopping_when_all_alike(deliver: Deliver) -> Deliver:
    """Return the function that delivers, and stops where the first records are all refused alike.

    Refusals with ``Outcome.if_all_alike`` are kept back until a message is delivered, one is
    refused with another advice, the call has ended, or 20 records were refused. The first three let
    the refusals count. After the fourth no further message is sent, each refused message counts as
    a failed attempt and is tried again later, no record is switched off, and the target stops with
    the advice.

    The calls of the returned function count together: those of a run. A refusal that nothing has
    decided when a call ends keeps its ``if_all_alike``, and the run decides (``runs/trouble.py``).

    Args:
        deliver: The handler's function.

    Returns:
        The function. It raises ``TargetUnavailable`` with the advice where the target must stop.
    """
    first = FirstOutcomes()

    def deliver_unless_all_alike(notifications: Iterable[Notification]) -> Iterator[Outcome]:
        try:
            for outcome in deliver(first.until_stopped(notifications)):
                yield from first.judge(outcome)
        except Exception:
            # The handler's own error; what it said before counts as without this function.
            yield from first.release()
            raise
        yield from first.release()
        if first.advice_to_stop:
            raise TargetUnavailable(first.advice_to_stop)

    return deliver_unless_all_alike


class _FirstAnswers(ABC, Generic[SaidT]):
    """The first answers of a provider, until they are judged.

    Attributes:
        advice_to_stop: Why the settings are to blame, with the next step; empty: they are not.
    """

    def __init__(self) -> None:
        self.advice_to_stop = ""
        self._advice = ""
        self._addresses: set[Any] = set()
        self._kept_back: list[SaidT] = []
        self._are_judged = False

    def judge(self, said: SaidT) -> Iterator[SaidT]:
        """Yield the answers that nothing can change any more."""
        if self.advice_to_stop:
            yield self._softened_if_alike(said)
        elif self._are_judged:
            yield self.believed(said)
        elif said.if_all_alike and said.if_all_alike == (self._advice or said.if_all_alike):
            yield from self._note_refusal(said)
        else:
            if self.is_success(said) or said.if_all_alike:
                self._are_judged = True
                yield from map(self.believed, self.release())
            yield self.believed(said)

    def release(self) -> Iterator[SaidT]:
        """Yield the answers kept back."""
        kept_back, self._kept_back = self._kept_back, []
        if self.advice_to_stop:
            yield from map(self._softened_if_alike, kept_back)
        else:
            yield from kept_back

    @abstractmethod
    def is_success(self, said: SaidT) -> bool:
        """Tell whether an answer proves that the settings are right."""

    @abstractmethod
    def address_of(self, said: SaidT) -> Any:
        """Return what tells the refused addresses apart."""

    def believed(self, said: SaidT) -> SaidT:
        """Return an answer that counts as the provider said it."""
        return said

    @abstractmethod
    def softened(self, said: SaidT) -> SaidT:
        """Return a refusal that switches no record off, with the advice."""

    def _note_refusal(self, said: SaidT) -> Iterator[SaidT]:
        self._advice = said.if_all_alike
        self._addresses.add(self.address_of(said))
        self._kept_back.append(said)
        if len(self._addresses) >= RECORDS:
            no_record = _(
                "The first %s addresses are all refused alike, and no record was switched off."
            )
            next_step = f"{no_record % RECORDS} {self._advice}"
            self.advice_to_stop = with_next_step(said.response, next_step)
        elif len(self._kept_back) < MOST_KEPT_BACK:
            return
        yield from self.release()

    def _softened_if_alike(self, said: SaidT) -> SaidT:
        return self.softened(said) if said.if_all_alike == self._advice else said


class FirstOutcomes(_FirstAnswers[Outcome]):
    """The first outcomes of a run."""

    def until_stopped(self, notifications: Iterable[Notification]) -> Iterator[Notification]:
        """Yield the notifications until the target stops: the handler finishes what it has.

        Args:
            notifications: The notifications given to the handler.
        """
        for notification in notifications:
            yield notification
            if self.advice_to_stop:
                return

    def judge(self, said: Outcome) -> Iterator[Outcome]:
        """As above; an object that is no outcome is for the run to judge."""
        if isinstance(said, Outcome):
            yield from super().judge(said)
        else:
            yield said

    def is_success(self, said: Outcome) -> bool:  # noqa: D102 # the base class's
        return said.result is OutcomeKind.DELIVERED

    def address_of(self, said: Outcome) -> Any:  # noqa: D102 # the base class's
        return said.notification.target_user_record_id

    def believed(self, said: Outcome) -> Outcome:  # noqa: D102 # the base class's
        return replace(said, if_all_alike="") if said.if_all_alike else said

    def softened(self, said: Outcome) -> Outcome:  # noqa: D102 # the base class's
        return said.as_retry(said.if_all_alike)


class FirstReceipts(_FirstAnswers[Receipt]):
    """The first receipts of a fetch: the messages have failed, and the records stay on."""

    def is_success(self, said: Receipt) -> bool:  # noqa: D102 # the base class's
        return said.result is ReceiptResult.CONFIRMED

    def address_of(self, said: Receipt) -> Any:  # noqa: D102 # the base class's
        return said.address or said.provider_message_id

    def softened(self, said: Receipt) -> Receipt:  # noqa: D102 # the base class's
        return replace(
            said,
            response=with_next_step(said.response, said.if_all_alike),
            deactivate_record=False,
            hard_bounce=False,
        )
