"""Opt-outs: users without notifications."""

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import models, router, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ..categories import mandatory_keys
from .abstract import CreatedModifiedAbstractModel
from .keys import new_key
from .notification import Notification
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
        status=Notification.OPTED_OUT, modified_date=timezone.now()
    )


def restore_notifications(user_ids: Iterable[Any], *, using: str) -> None:
    """Schedule again the future notifications stopped by an opt-out.

    Notifications that came due during the opt-out stay ``OPTED OUT``: they would come too late.
    Notifications for an inactive record stay, too.

    Args:
        user_ids: The users' keys.
        using: The database's alias.
    """
    records = TargetUserRecord.objects.using(using).filter(user__in=user_ids, active=True)
    schedule_again(
        Notification.objects.using(using).filter(
            status=Notification.OPTED_OUT,
            scheduled_delivery__gt=timezone.now(),
            target_user_record__in=records,
        )
    )


def schedule_again(rows: models.QuerySet[Notification]) -> None:
    """Let stopped notifications wait again, as new or for their next attempt.

    Args:
        rows: The notifications.
    """
    attempted = models.Q(attempted_delivery__isnull=False)
    now = timezone.now()
    rows.filter(attempted).update(status=Notification.RETRY, modified_date=now)
    rows.filter(~attempted).update(status=Notification.SCHEDULED, modified_date=now)


class NotificationOptOutQuerySet(models.QuerySet["NotificationOptOut"]):
    """Deleting an opt-out, in the admin's bulk action too, is opting in again."""

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete the opt-outs and restore the stopped notifications."""
        self._for_write = True  # so that ``db`` is no read replica
        using = self.db
        user_ids = list(self.using(using).values_list("user", flat=True))
        with transaction.atomic(using=using):
            deleted = super().delete()
            restore_notifications(user_ids, using=using)
        return deleted

    delete.alters_data = True  # type: ignore[attr-defined] # Django's mark for templates
    delete.queryset_only = True  # type: ignore[attr-defined] # never a manager method


class NotificationOptOut(CreatedModifiedAbstractModel):
    """A user's word on whether to be notified at all, except in mandatory categories.

    Saving an active opt-out marks the user's ``SCHEDULED`` and ``RETRY`` notifications as
    ``OPTED OUT``. Saving an inactive opt-out, or deleting one, schedules the notifications again
    whose time has not passed and whose record is active. Bulk writes (``bulk_create()``,
    ``update()``) do not touch notifications, but a run never delivers to a user with an active
    opt-out.

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
        """Save, and update the user's notifications, in one transaction."""
        using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        with transaction.atomic(using=using):
            super().save(*args, **kwargs)
            if self.active:
                opt_out_notifications([self.user_id], using=using)
            else:
                restore_notifications([self.user_id], using=using)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete the opt-out: the user opts in again."""
        using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        with transaction.atomic(using=using):
            deleted = super().delete(*args, **kwargs)
            restore_notifications([self.user_id], using=using)
        return deleted
