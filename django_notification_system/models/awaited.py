"""The words in ``provider_status`` of a message whose provider is still to be asked about it."""

from functools import reduce
from operator import or_

from django.db import models

#: By how often the provider has been asked, in vain. They are the app's own words, and no provider
#: says them; an index is over the rows that have them, so that these are found among millions.
AWAITED = ("receipt awaited", *(f"receipt awaited, asked {times}x" for times in range(1, 8)))
#: The provider had nothing to say when it was asked for the last time.
NO_RECEIPT = "no receipt"

#: One equation for each, as SQLite uses a partial index only where it reads the very term.
IS_AWAITED = reduce(or_, (models.Q(provider_status=word) for word in AWAITED))
