"""What waits and has a priority: the few rows of an index."""

from django.db import models

#: One equation for each status, as SQLite uses a partial index only where it reads the very term.
IS_PRIORITISED = (models.Q(status="SCHEDULED") | models.Q(status="RETRY")) & models.Q(
    priority__gt=0
)
