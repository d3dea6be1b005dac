"""The target of a notification, stored beside the record, so that one index serves a claim."""

from typing import Any

from django.db import models


class TargetOfRecordField(models.ForeignKey):  # type: ignore[type-arg] # not generic at run time
    """Copies the target from the notification's record if the record is loaded.

    Otherwise, as in ``bulk_create()`` with keys alone or in SQL by hand, the column stays empty,
    and the engine fills the column when the row is due: see ``delivery/claims/due.py``.
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
