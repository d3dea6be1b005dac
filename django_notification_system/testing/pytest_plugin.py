"""The fixture for pytest, which finds it by itself where this app is installed.

pytest loads it in every project of the environment, so it imports nothing of Django's until the
fixture is used.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .outbox import Outbox


@pytest.fixture
def notification_outbox() -> "Iterator[Outbox]":
    """An outbox that takes what would go to a provider; see ``use_outbox()``."""
    from .switch import use_outbox

    with use_outbox() as outbox:
        yield outbox
