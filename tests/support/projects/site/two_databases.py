"""A project that keeps users and notifications apart from its other tables."""

from base import *  # noqa: F403

DATABASE_ROUTERS = ["routers.NotificationsRouter"]
