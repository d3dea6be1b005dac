"""The email records that follow the users' own addresses.

``rules`` decides, ``users`` reads users of any model, ``update`` stores, batch by batch.
"""

from .rules import User, UserResult
from .update import EmailRecords, UsersDone

__all__ = ["EmailRecords", "User", "UserResult", "UsersDone"]
