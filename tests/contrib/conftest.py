"""What the tests of the integrations share."""

from collections.abc import Iterator

import pytest

from tests.support.scripted_smtp import ScriptedSmtp


@pytest.fixture
def server() -> Iterator[ScriptedSmtp]:
    """A mail server that answers by its ``script``."""
    with ScriptedSmtp() as scripted:
        yield scripted
