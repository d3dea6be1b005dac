"""The engine: claim what is due, deliver it, take the outcome, record it, report it."""

from .run import Attempt, Run

__all__ = ["Attempt", "Run"]
