"""A target's batches in flight."""

from .in_flight import BatchInFlight


class Batches:
    """A target's batches with rows whose outcome is not recorded, the oldest first."""

    def __init__(self) -> None:
        self._batches: list[BatchInFlight] = []

    def add(self, batch: BatchInFlight) -> None:
        """Add a batch.

        Args:
            batch: The batch.
        """
        self._batches.append(batch)

    def with_rows(self) -> BatchInFlight | None:
        """Return the oldest batch with rows for the handler."""
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
        """Whether interrupted rows are on their way."""
        return any(batch.was_interrupted and batch.in_flight for batch in self._batches)

    def record(self) -> None:
        """Record all known outcomes."""
        for batch in self._batches:
            batch.record()

    def keep_time(self, progress_at: float) -> None:
        """Record outcomes that have waited, renew leases, and close finished batches.

        Args:
            progress_at: When the handler last made progress, by the monotonic clock.
        """
        for batch in list(self._batches):
            batch.keep_time(progress_at)
            if batch.is_done and not batch.has_more:
                batch.close()
                self._batches.remove(batch)

    def close(self, problem: str | None) -> None:
        """Record known outcomes, report the other rows as blocked by a problem, and release them.

        Args:
            problem: Why the target cannot be used, or ``None``.
        """
        for batch in self._batches:
            batch.record()
            if problem is not None:
                batch.report_blocked(problem)
            batch.close(problem)
        self._batches.clear()

    def end(self) -> None:
        """Tell observers the end of the batches, though the database takes no outcome."""
        for batch in self._batches:
            batch.end()
