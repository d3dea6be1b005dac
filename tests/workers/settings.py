"""The workers' project: the tests' settings, another database, a handler that keeps a list."""

import json
import os

from tests.settings import *  # noqa: F403
from tests.settings import DATABASES as TEST_DATABASES

DATABASES = {"default": {**TEST_DATABASES["default"], "NAME": os.environ["WORKERS_DATABASE"]}}
if "sqlite3" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"]["OPTIONS"] = {**DATABASES["default"]["OPTIONS"], "timeout": 20}
NOTIFICATION_SYSTEM_HANDLERS = ["tests.workers.handlers"]
NOTIFICATION_SYSTEM = json.loads(os.environ.get("WORKERS_ENGINE", "{}"))
