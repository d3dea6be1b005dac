"""The queries and the manager of notifications."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Unpack

from django.db import IntegrityError, models
from django.db.models.constants import LOOKUP_SEP
from django.db.models.utils import resolve_callables
from django.utils import timezone

from ..signals import notifications_created
from ..user_values import relations_to_join
from . import changes
from .alias import AliasQuerySet
from .columns import columns_to_insert
from .expressions import DatabaseNow
from .opted_out import opted_out_rows
from .repetition import find_repeated

if TYPE_CHECKING:
    from .notification import Notification
    from .typed import NotificationFields


class NotificationQuerySet(AliasQuerySet["Notification"]):
    """The queries of the engine, the admin and projects."""

    def pending(self) -> "NotificationQuerySet":
        """Pending notifications: to be delivered now or later."""
        return self.filter(status__in=self.model.PENDING_STATUSES)

    def due(self, at: datetime | None = None) -> "NotificationQuerySet":
        """Pending notifications that are due at a moment, by default now.

        Args:
            at: The moment; ``None``: now.
        """
        return self.pending().filter(scheduled_delivery__lte=at or timezone.now())

    def unclaimed(self) -> "NotificationQuerySet":
        """Notifications that no run has claimed, by the database's clock."""
        return self.filter(
            models.Q(claimed_until__isnull=True) | models.Q(claimed_until__lt=DatabaseNow())
        )

    def deliverable(self) -> "NotificationQuerySet":
        """Pending notifications with an active record and a user who has not opted out.

        Notifications of a mandatory category pass an opt-out.
        """
        return self.pending().filter(target_user_record__active=True).exclude(opted_out_rows())

    def for_delivery(self) -> "NotificationQuerySet":
        """Load the rows that delivery and reports read, except the targets, in one query."""
        user = "target_user_record__user"
        return self.select_related(
            f"{user}__notification_opt_out", *(f"{user}__{name}" for name in relations_to_join())
        )

    def leaving_long_texts(self) -> "NotificationQuerySet":
        """Read a mark in the place of a long body or ``extra``."""
        rows = self.all()
        setattr(rows.query, "leaves_long_texts", True)  # noqa: B010 # for mypy
        return rows

    def cancel(self) -> changes.Changed:
        """Cancel the pending notifications among these; a run's notifications are left.

        Returns:
            How many were cancelled, and how many were left and why. ``on_their_way`` is the number
            of notifications that a run held.
        """
        self._for_write = True  # so that ``db`` is no read replica
        return changes.apply(changes.CANCEL, self.using(self.db), timezone.now())

    cancel.alters_data = True  # type: ignore[attr-defined] # Django's mark for templates
    cancel.queryset_only = True  # type: ignore[attr-defined] # of all, only by all().cancel()

    if TYPE_CHECKING:

        def create(  # type: ignore[override]  # noqa: D102 # Django's takes any keyword
            self, **fields: Unpack["NotificationFields"]
        ) -> "Notification": ...
        async def acreate(  # type: ignore[override]  # noqa: D102
            self, **fields: Unpack["NotificationFields"]
        ) -> "Notification": ...

    def bulk_create(
        self, objs: Iterable["Notification"], *args: Any, **kwargs: Any
    ) -> list["Notification"]:
        """Create as Django does; on commit, hand over the due notifications if so configured.

        Args:
            objs: The notifications, unsaved.
            args: As of Django's ``bulk_create()``.
            kwargs: As of Django's ``bulk_create()``.

        Returns:
            The notifications.
        """
        objs = list(objs)
        self._for_write = True  # as Django's own does first: the database of the insert
        find_repeated(self.model._base_manager.using(self.db), objs)
        created = super().bulk_create(objs, *args, **kwargs)
        notifications_created.send(self.model, notifications=created, using=self.db)
        return created

    bulk_create.alters_data = True  # type: ignore[attr-defined] # Django's mark for templates

    def _batched_insert(self, objs: Any, fields: Any, *args: Any, **kwargs: Any) -> Any:
        """As Django's, without the columns that the database fills in; ``bulk_create()`` calls."""
        columns = columns_to_insert(fields, objs, self.model)
        return super()._batched_insert(objs, columns, *args, **kwargs)  # type: ignore[misc] # not in the stubs

    def get_or_create(
        self, defaults: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> tuple["Notification", bool]:
        """As Django's, and find a notification that a failed attempt has rescheduled.

        The row's ``scheduled_delivery`` has changed, so a lookup by the first moment misses the
        row, and the constraint refuses to create the notification again.

        Args:
            defaults: Values of a new notification alone.
            kwargs: The lookup, and further values of a new notification.

        Returns:
            The notification, and whether it is new.
        """
        try:
            return super().get_or_create(defaults, **kwargs)
        except IntegrityError:
            moved = self._made_with({**kwargs, **(defaults or {})})
            if moved is None:
                raise
            return moved, False

    get_or_create.alters_data = True  # type: ignore[attr-defined] # Django's mark for templates

    def _made_with(self, values: Mapping[str, Any]) -> "Notification | None":
        fields = {name: value for name, value in values.items() if LOOKUP_SEP not in name}
        identity = self.model(**dict(resolve_callables(fields))).identity()
        if identity is None:
            return None
        rows = self.model._base_manager.using(self.db)
        return rows.filter(digest__in=identity.digests()).first()


if TYPE_CHECKING:

    class NotificationManager(models.Manager["Notification"]):
        """The queryset's methods, written out: pyright reads as_manager() as a plain manager."""

        def get_queryset(self) -> NotificationQuerySet: ...  # noqa: D102
        def create(  # type: ignore[override]  # noqa: D102
            self, **fields: Unpack["NotificationFields"]
        ) -> "Notification": ...
        async def acreate(  # type: ignore[override]  # noqa: D102
            self, **fields: Unpack["NotificationFields"]
        ) -> "Notification": ...
        def all(self) -> NotificationQuerySet: ...  # noqa: D102
        def none(self) -> NotificationQuerySet: ...  # noqa: D102
        def using(self, alias: str | None) -> NotificationQuerySet: ...  # noqa: D102
        def filter(self, *args: Any, **kwargs: Any) -> NotificationQuerySet: ...  # noqa: D102
        def exclude(self, *args: Any, **kwargs: Any) -> NotificationQuerySet: ...  # noqa: D102
        def order_by(self, *field_names: Any) -> NotificationQuerySet: ...  # noqa: D102
        def select_related(self, *fields: Any) -> NotificationQuerySet: ...  # noqa: D102
        def only(self, *fields: Any) -> NotificationQuerySet: ...  # noqa: D102
        def defer(self, *fields: Any) -> NotificationQuerySet: ...  # noqa: D102
        def pending(self) -> NotificationQuerySet: ...  # noqa: D102
        def due(self, at: datetime | None = None) -> NotificationQuerySet: ...  # noqa: D102
        def unclaimed(self) -> NotificationQuerySet: ...  # noqa: D102
        def deliverable(self) -> NotificationQuerySet: ...  # noqa: D102
        def for_delivery(self) -> NotificationQuerySet: ...  # noqa: D102
        def leaving_long_texts(self) -> NotificationQuerySet: ...  # noqa: D102
else:
    NotificationManager = models.Manager.from_queryset(NotificationQuerySet)
