"""The state of the queue: counts, causes, status, report."""
