"""The condition of an index: the few waiting rows with a priority."""

from django.db import models

#: One equation for each status: SQLite uses a partial index only for a query with the same terms.
IS_PRIORITISED = (models.Q(status="SCHEDULED") | models.Q(status="RETRY")) & models.Q(
    priority__gt=0
)
