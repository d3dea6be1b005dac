"""For handlers of providers with an HTTP API: sessions, and outcomes of failed requests."""

from .public_hosts import open_public_session
from .session import open_session, outcome_of_status, outcome_without_answer

__all__ = [
    "open_public_session",
    "open_session",
    "outcome_of_status",
    "outcome_without_answer",
]
