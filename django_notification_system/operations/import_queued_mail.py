"""Taking over the mail that waits in another package's queue."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db import connections, router, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from ..exceptions import NotificationSystemError
from ..notification_creators.queue_mail import Queued, queue_mail, queued_from
from ..outcome import one_line

#: How many messages are taken over in a transaction.
BATCH_SIZE = 100
#: By django-post_office's priority: low, medium, high, now.
PRIORITIES_OF_POST_OFFICE = {0: 0, 1: 3, 2: 6, 3: 9}
#: By django-mailer's priority: high, medium, low, deferred.
PRIORITIES_OF_MAILER = {1: 6, 2: 3, 3: 0, 4: 0}
TAKEN_OVER = "Taken over by django_notification_system."


@dataclass(frozen=True)
class OtherQueue:
    """Another package's queue.

    Attributes:
        name: The package's name.
        app_label: The label of the package's app.
        model_name: The name of the model with a row for a message.
        waiting: Returns the condition of the rows that wait.
        message: Returns the message of a row, by the package's own code.
        options: Returns the fields of the row's notification.
        finish: Marks rows as taken over.
    """

    name: str
    app_label: str
    model_name: str
    waiting: Callable[[], Q]
    message: Callable[[Any], Any]
    options: Callable[[Any], Mapping[str, Any]]
    finish: Callable[["QuerySet[Any]", Sequence[Any]], None]

    @property
    def is_installed(self) -> bool:
        """Whether the project has the package's app."""
        return any(config.label == self.app_label for config in apps.get_app_configs())

    def rows(self) -> "QuerySet[Any]":
        """Return the rows that wait, the first first."""
        model = apps.get_model(self.app_label, self.model_name)
        using = router.db_for_write(model)
        rows: QuerySet[Any] = model._base_manager.using(using).filter(self.waiting())
        return rows.order_by("pk")


@dataclass
class Imported:
    """What became of another package's messages.

    Attributes:
        taken: How many were taken over.
        left: By the row's key: why a message was left where it is.
    """

    taken: int
    left: dict[Any, str]


def import_from(
    queue: OtherQueue, *, is_stopping: Callable[[], bool], using: str | None = None
) -> Iterator[Imported]:
    """Take over the messages that wait; yield the counts of each batch.

    A message has an idempotency key, so that a message is taken over once even where the two
    queues are in different databases, or a process dies between their transactions.

    Args:
        queue: The other package's queue.
        is_stopping: Returns whether to end early.
        using: The alias of the database that gets the mail; by default the router's choice.
    """
    last: Any = None
    while not is_stopping():
        rows = queue.rows()
        if last is not None:
            rows = rows.filter(pk__gt=last)
        features = connections[rows.db].features
        with transaction.atomic(using=rows.db):
            if features.has_select_for_update:
                rows = rows.select_for_update(
                    skip_locked=features.has_select_for_update_skip_locked,
                    of=("self",) if features.has_select_for_update_of else (),
                )
            batch = list(rows[:BATCH_SIZE])
            if not batch:
                return
            last = batch[-1].pk
            imported = _import_batch(queue, batch, using=using)
        yield imported


def _import_batch(queue: OtherQueue, batch: Sequence[Any], *, using: str | None) -> Imported:
    mails: list[Queued] = []
    taken: list[Any] = []
    left: dict[Any, str] = {}
    for row in batch:
        try:
            message = queue.message(row)
            if message is None:
                raise ValueError(f"{queue.name} cannot read it")
            if message.recipients():
                key = f"{queue.app_label}-{row.pk}"
                options = {**queue.options(row), "idempotency_key": key}
                mails.append(queued_from(message, options))
            taken.append(row)
        except NotificationSystemError as error:
            left[row.pk] = str(error)
        except Exception as error:  # of the other package, of Django, or of the message's class
            left[row.pk] = one_line(error)
    queue_mail(mails, using=using)
    queue.finish(queue.rows(), taken)
    return Imported(taken=len(taken), left=left)


def _waiting_in_post_office() -> Q:
    # 2 and 3: queued, requeued. What has expired is never sent.
    unexpired = Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now())
    return unexpired & Q(status__in=(2, 3))


def _options_of_post_office(row: Any) -> Mapping[str, Any]:
    options: dict[str, Any] = {"priority": PRIORITIES_OF_POST_OFFICE.get(row.priority, 0)}
    if row.scheduled_time is not None:
        options["scheduled_delivery"] = row.scheduled_time
    if row.expires_at is not None:
        options["expires_at"] = row.expires_at
    return options


def _finish_in_post_office(rows: "QuerySet[Any]", taken: Sequence[Any]) -> None:
    # 0: sent, so that post_office sends none of them, and cleans them up in time.
    rows.filter(pk__in=[row.pk for row in taken]).update(status=0)
    log: Any = apps.get_model(rows.model._meta.app_label, "Log")
    log._base_manager.using(rows.db).bulk_create(
        log(email=row, status=0, message=TAKEN_OVER) for row in taken
    )


def _finish_in_mailer(rows: "QuerySet[Any]", taken: Sequence[Any]) -> None:
    rows.filter(pk__in=[row.pk for row in taken]).delete()


QUEUES = (
    OtherQueue(
        name="django-post_office",
        app_label="post_office",
        model_name="Email",
        waiting=_waiting_in_post_office,
        message=lambda row: row.prepare_email_message(),
        options=_options_of_post_office,
        finish=_finish_in_post_office,
    ),
    OtherQueue(
        name="django-mailer",
        app_label="mailer",
        model_name="Message",
        waiting=Q,
        message=lambda row: row.email,
        options=lambda row: {"priority": PRIORITIES_OF_MAILER.get(row.priority, 0)},
        finish=_finish_in_mailer,
    ),
)
