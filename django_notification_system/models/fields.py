"""The target of a notification, kept beside it, so that a claim finds its rows by one index."""

from typing import Any

from django.db import models


class TargetOfRecordField(models.ForeignKey):  # type: ignore[type-arg] # not generic at run time
    """Fills itself from the notification's record when that is at hand.

    Where it is not, in ``bulk_create()`` with keys alone, say, or in SQL by hand, the column stays
    empty, and the engine fills it when the row is due: see ``delivery/due.py``.
    """

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Return the target of the record."""
        record = model_instance._state.fields_cache.get("target_user_record")
        if record is not None:
            setattr(model_instance, self.attname, record.target_id)
        return super().pre_save(model_instance, add)

    def deconstruct(self) -> Any:
        """Be a plain ``ForeignKey`` in migrations, which must outlive this module."""
        name, _path, args, kwargs = super().deconstruct()
        return name, "django.db.models.ForeignKey", args, kwargs
