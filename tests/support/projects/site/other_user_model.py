"""A project whose users have a UUID for a key, no username, and no admin."""

from base import *  # noqa: F403
from base import INSTALLED_APPS

INSTALLED_APPS = ["people", *INSTALLED_APPS]
AUTH_USER_MODEL = "people.Person"
