"""A project as most are."""

from base import *  # noqa: F403
