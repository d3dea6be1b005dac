"""Whether the tests take the long way: ``make test-nightly``, run by a schedule every night.

By day a test with many similar cases tries one case of every kind; at night all.
"""

import os

NIGHTLY = bool(os.environ.get("TEST_NIGHTLY"))
