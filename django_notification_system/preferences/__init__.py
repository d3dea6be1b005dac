"""Preferences: what each person wants to be sent, and the addresses that nothing is sent to.

The rule is in ``rule.py``, and every question to the database about many people in ``lookup.py``.
"""

from .change import set_preference
from .questions import allows, effective
from .suppressions import suppress, unsuppress

__all__ = ["allows", "effective", "set_preference", "suppress", "unsuppress"]
