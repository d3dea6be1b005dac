"""The workers' project, whose own logging writes every record to standard error."""

from .settings import *  # noqa: F403

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"django_notification_system": {"handlers": ["console"], "level": "DEBUG"}},
}
