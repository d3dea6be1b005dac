"""What all models of this app share."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class CreatedModifiedAbstractModel(models.Model):
    """Remembers when a row was made and when it was last saved."""

    created_date = models.DateTimeField(_("created"), auto_now_add=True)
    modified_date = models.DateTimeField(_("modified"), auto_now=True)

    class Meta:
        abstract = True
