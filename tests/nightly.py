"""Whether the tests take the long way: ``make test-nightly``, which a schedule runs every night.

By day a test that could try everything tries one of each kind; at night it tries all.
"""

import os

NIGHTLY = bool(os.environ.get("TEST_NIGHTLY"))
