"""The fixture for pytest, which finds this plugin wherever the app is installed.

pytest loads the plugin in every project of the environment, so the plugin imports nothing of
Django's before the fixture is used.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .outbox import Outbox


@pytest.fixture
def notification_outbox() -> "Iterator[Outbox]":
    """An outbox that accepts all messages in place of the providers; see ``use_outbox()``."""
    # Here: see above.
    from .switch import use_outbox

    with use_outbox() as outbox:
        yield outbox
