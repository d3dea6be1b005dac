"""All batches of one target that are in flight."""

from .in_flight import BatchInFlight


class Batches:
    """A target's batches that have rows without a recorded outcome, the oldest first."""

    def __init__(self) -> None:
        self._batches: list[BatchInFlight] = []

    def add(self, batch: BatchInFlight) -> None:
        """Keep one more batch."""
        self._batches.append(batch)

    def with_rows(self) -> BatchInFlight | None:
        """Return the oldest batch that has rows to feed to the handler."""
        return next((batch for batch in self._batches if batch.has_more), None)

    @property
    def unrecorded(self) -> int:
        """How many outcomes wait to be recorded."""
        return sum(len(batch.unrecorded) for batch in self._batches)

    @property
    def waiting(self) -> int:
        """How many rows are still to be fed to the handler."""
        return sum(batch.waiting for batch in self._batches)

    @property
    def in_flight(self) -> int:
        """How many rows are with the handler."""
        return sum(batch.in_flight for batch in self._batches)

    @property
    def sends_interrupted(self) -> bool:
        """Whether rows that were interrupted are on their way."""
        return any(batch.was_interrupted and batch.in_flight for batch in self._batches)

    def record(self) -> None:
        """Record all outcomes that are known."""
        for batch in self._batches:
            batch.record()

    def keep_time(self, progress_at: float) -> None:
        """Record outcomes that have waited, renew leases, and close batches that are done.

        Args:
            progress_at: When the handler last made progress, by the monotonic clock.
        """
        for batch in list(self._batches):
            batch.keep_time(progress_at)
            if batch.is_done and not batch.has_more:
                batch.close()
                self._batches.remove(batch)

    def close(self, problem: str | None) -> None:
        """Record what is known, report the rest as blocked if there is a problem, and release it.

        Args:
            problem: What keeps the target from being used.
        """
        for batch in self._batches:
            batch.record()
            if problem is not None:
                batch.report_blocked(problem)
            batch.close(problem)
        self._batches.clear()

    def end(self) -> None:
        """Tell observers that the batches are over, though the database takes no outcome."""
        for batch in self._batches:
            batch.end()
