"""A project that stores local time."""

from base import *  # noqa: F403

USE_TZ = False
TIME_ZONE = "Europe/Berlin"
