"""Rests: a watch leaves unusable targets alone for a while."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from ...models import NotificationTarget

#: The first rest of an unusable target; doubled each time, up to the second figure.
FIRST_REST_SECONDS = 5.0
LONGEST_REST_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True)
class _Rest:
    """A target's rest.

    Attributes:
        seconds: The length.
        until: The end, by the monotonic clock.
        problem: The reason.
    """

    seconds: float
    until: float
    problem: str


class Rests:
    """Remembers the targets that rest.

    Args:
        on_problem: Called with a target's problem, once for every new text.
    """

    def __init__(self, on_problem: Callable[[str], None]) -> None:
        self._on_problem = on_problem
        #: By the target's name.
        self._rests: dict[str, _Rest] = {}

    @property
    def problems(self) -> dict[str, str]:
        """By the target's name, why the target cannot be used at present."""
        return {name: rest.problem for name, rest in self._rests.items()}

    def is_resting(self, target: NotificationTarget) -> bool:
        """Return whether to leave a target alone now.

        Args:
            target: The target.
        """
        rest = self._rests.get(target.name)
        return rest is not None and time.monotonic() < rest.until

    def note(self, target: NotificationTarget, problem: str | None) -> None:
        """Let an unusable target rest; end the rest of a usable target.

        Args:
            target: The target.
            problem: Why the target cannot be used, or ``None``.
        """
        if problem is None:
            self._rests.pop(target.name, None)
            return
        before = self._rests.get(target.name)
        seconds = FIRST_REST_SECONDS if before is None else before.seconds * 2
        seconds = min(seconds, LONGEST_REST_SECONDS)
        until = time.monotonic() + seconds
        self._rests[target.name] = _Rest(seconds=seconds, until=until, problem=problem)
        if before is None or before.problem != problem:
            self._on_problem(problem)
