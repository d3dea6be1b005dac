"""For handlers of providers with an HTTP API: a session, and outcomes of failed requests."""

from .session import open_session, outcome_of_status, outcome_without_answer

__all__ = ["open_session", "outcome_of_status", "outcome_without_answer"]
