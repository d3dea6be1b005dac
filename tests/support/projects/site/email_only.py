"""A project without the clients of Twilio and Expo."""

import sys

from base import *  # noqa: F403
from base import NOTIFICATION_SYSTEM_TARGETS


class NotInstalled:
    """Answers an import as Python does where the package is not installed."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("twilio", "exponent_server_sdk"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, NotInstalled())
NOTIFICATION_SYSTEM_TARGETS = {"email": NOTIFICATION_SYSTEM_TARGETS["email"]}
