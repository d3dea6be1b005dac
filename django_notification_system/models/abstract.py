"""The fields shared by the models of this app."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class CreatedModifiedAbstractModel(models.Model):
    """Remembers the moments of a row's creation and last save."""

    created_date = models.DateTimeField(_("created"), auto_now_add=True)
    modified_date = models.DateTimeField(_("modified"), auto_now=True)

    class Meta:
        abstract = True
