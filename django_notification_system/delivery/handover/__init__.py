"""Batches for a task engine: claimed here, delivered by the engine's workers.

Projects import from this package only; the modules inside may change.
"""

from ...exceptions import HandOverFailed
from .engine import (
    Summary,
    deliver_batch,
    find_engine,
    hand_over,
    hand_over_due,
    hand_over_next,
)
from .message import BatchMessage, claim_batches, claim_notifications, give_back

__all__ = [
    "BatchMessage",
    "HandOverFailed",
    "Summary",
    "claim_batches",
    "claim_notifications",
    "deliver_batch",
    "find_engine",
    "give_back",
    "hand_over",
    "hand_over_due",
    "hand_over_next",
]
