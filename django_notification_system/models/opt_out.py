"""Opt-outs: users without notifications."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import models, router, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..categories import mandatory_keys
from ..on_site import reconsider_items
from ..signals import opt_outs_lifted
from .abstract import CreatedModifiedAbstractModel
from .keys import new_key
from .notification import Notification
from .opted_out import OPTED_OUT_RESPONSE
from .target_user_record import TargetUserRecord


def opt_out_notifications(user_ids: Iterable[Any], *, using: str) -> None:
    """Mark the users' pending notifications as ``OPTED OUT``, except in mandatory categories.

    A notification delivered by a run at the same moment stays ``DELIVERED``.

    Args:
        user_ids: The users' keys.
        using: The database's alias.
    """
    records = TargetUserRecord.objects.using(using).filter(user__in=user_ids)
    # The status is a condition of the UPDATE itself, and no table is joined. Django would put a
    # join into a subquery, and PostgreSQL does not evaluate a subquery again after waiting for a
    # row.
    rows = Notification.objects.using(using).filter(
        status__in=Notification.PENDING_STATUSES, target_user_record__in=records
    )
    rows.exclude(category__in=mandatory_keys()).update(
        status=Notification.OPTED_OUT,
        response=OPTED_OUT_RESPONSE,
        modified_date=timezone.now(),
    )


def _lift(user_ids: list[Any], *, using: str) -> None:
    opt_outs_lifted.send(NotificationOptOut, user_ids=user_ids, using=using)
    reconsider_items(user_ids, using=using)


class NotificationOptOutQuerySet(models.QuerySet["NotificationOptOut"]):
    """Deleting an opt-out, in the admin's bulk action too, is opting in again."""

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete the opt-outs and restore the stopped notifications."""
        self._for_write = True  # so that ``db`` is no read replica
        using = self.db
        user_ids = list(self.using(using).values_list("user", flat=True))
        with transaction.atomic(using=using):
            deleted = super().delete()
            _lift(user_ids, using=using)
        return deleted

    delete.alters_data = True  # type: ignore[attr-defined] # Django's mark for templates
    delete.queryset_only = True  # type: ignore[attr-defined] # never a manager method


class NotificationOptOut(CreatedModifiedAbstractModel):
    """A user's word on whether to be notified at all, except in mandatory categories.

    Saving an active opt-out marks the user's ``SCHEDULED`` and ``RETRY`` notifications as
    ``OPTED OUT``, and withholds the items of the inbox whose time has not come. Saving an inactive
    opt-out, or deleting one, schedules the notifications again whose time has not passed, whose
    record is active, and which no other word and no suppression forbids; and gives the items
    back. Bulk writes (``bulk_create()``, ``update()``) touch neither, but a run never delivers to a
    user with an active opt-out.

    Attributes:
        user: The user of the opt-out; a user has at most one. Backwards:
            ``user.notification_opt_out``.
        active: Whether the opt-out is in force; by default true.
        id: The key.
        created_date: When the row was made.
        modified_date: When the row was last changed.
    """

    id = models.UUIDField(primary_key=True, default=new_key, editable=False)
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="notification_opt_out",
        verbose_name=_("user"),
    )
    active = models.BooleanField(
        _("active"),
        default=True,
        help_text=_(
            "The user is sent nothing, over any target, and what waits is held back. Without the"
            " tick the user is notified again."
        ),
    )

    objects = NotificationOptOutQuerySet.as_manager()

    class Meta:
        db_table = "notification_system_opt_out"
        verbose_name = _("notification opt-out")
        verbose_name_plural = _("notification opt-outs")

    def __str__(self) -> str:
        return str(self.user.get_username())  # a key, say: projects choose the field

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, and update the user's notifications, in one transaction.

        Args:
            args: As of Django's ``save()``.
            kwargs: As of Django's ``save()``.
        """
        # Django 5.2 takes the arguments by place, too; "using" is the third.
        named = kwargs.get("using") or (args[2] if len(args) > 2 else None)
        using = named or router.db_for_write(type(self), instance=self)
        with transaction.atomic(using=using):
            super().save(*args, **kwargs)
            if self.active:
                opt_out_notifications([self.user_id], using=using)
                reconsider_items([self.user_id], using=using)
            else:
                _lift([self.user_id], using=using)

    def delete(
        self, using: str | None = None, keep_parents: bool = False
    ) -> tuple[int, dict[str, int]]:
        """Delete the opt-out: the user opts in again.

        Args:
            using: The database's alias; ``None``: the row's own.
            keep_parents: As of Django's ``delete()``.

        Returns:
            As of Django's ``delete()``: the number of rows, in all and by model.
        """
        using = using or router.db_for_write(type(self), instance=self)
        with transaction.atomic(using=using):
            deleted = super().delete(using=using, keep_parents=keep_parents)
            _lift([self.user_id], using=using)
        return deleted
