"""The states of an item."""

from django.db import models
from django.utils.translation import pgettext_lazy


class ItemState(models.IntegerChoices):
    """What the reader has done with an item; the numbers in the column.

    A withheld item is nobody's to see: its reader said no before the item's time had come.
    """

    UNREAD = 0, pgettext_lazy("inbox", "Unread")
    READ = 1, pgettext_lazy("inbox", "Read")
    ARCHIVED = 2, pgettext_lazy("inbox", "Archived")
    WITHHELD = 3, pgettext_lazy("inbox", "Withheld")
