"""The email records that follow the users' own addresses.

``rules`` decides, ``users`` reads users of any model, ``update`` stores, batch by batch.
"""

from .rules import Result, User
from .update import Batch, EmailRecords

__all__ = ["Batch", "EmailRecords", "Result", "User"]
