"""Django's own Tasks as the engine: ``django.tasks``, or the backport on Django 5.2.

A project names this module as ``NOTIFICATION_SYSTEM["ENGINE"]``.
``manage.py hand_over_notifications`` or the task ``hand_over`` gives the due notifications to the
workers of the backend in the setting ``TASKS``, and the task ``deliver`` delivers one batch.

Sources: https://docs.djangoproject.com/en/stable/topics/tasks/,
https://github.com/RealOrangeOne/django-tasks
"""

from collections.abc import Iterator, Mapping
from typing import Any

from django.db import connections

try:
    from django.tasks import task, task_backends
except ImportError:
    try:
        from django_tasks import task, task_backends  # type: ignore[assignment,no-redef]
    except ImportError as error:
        raise ImportError(
            "Before 6.0, Django has no Tasks of its own, and the backport cannot be imported"
            f" ({error}): pip install 'django-notification-system[tasks]'"
        ) from error

from ..conf import ENGINE, engine_settings
from ..delivery.handover import BatchMessage, deliver_batch, hand_over_due, hand_over_next
from ..delivery.handover.time_limit import ENQUEUE_SECONDS, within
from ..targets import target_key

DEFAULT_QUEUE = "default"
#: Seconds after which a worker begins no more sends, and hands the rest of the batch over again:
#: RQ ends a job after 180 by default.
DELIVER_SECONDS = 120.0
#: Packages of backends without a time limit: they work at once, or write to the project's own
#: database.
TRUSTED_PACKAGES = ("django", "django_tasks", "django_tasks_db")


def _queue_of_definition() -> str:
    """Return a queue of the backend: for an unknown queue, Django cannot even define a task."""
    queues = task_backends[engine_settings().task_backend].queues
    return DEFAULT_QUEUE if DEFAULT_QUEUE in queues or not queues else min(queues)


def queue_of(module_name: str) -> str:
    """Return the queue of a target's batches.

    Args:
        module_name: The target's handler's module name.
    """
    queues = engine_settings().task_queues or {}
    return queues.get(target_key(module_name)) or _queue_of_definition()


@task(backend=engine_settings().task_backend, queue_name=_queue_of_definition())
def deliver(batch: dict[str, Any]) -> dict[str, Any]:
    """Deliver one batch, and hand over another in its place while more is due.

    A second run of the task does no harm, nor does a run after the end of the batch's lease.

    Args:
        batch: ``BatchMessage.as_dict()``: keys, without the notifications' texts.

    Returns:
        The number of rows that the batch still held, and the number of notifications by status now.
    """
    claimed = BatchMessage.from_dict(batch)
    summary = deliver_batch(claimed, stop_after=DELIVER_SECONDS)
    if not _works_at_once():
        hand_over_next(claimed, summary, enqueue)
    return {"taken": summary.taken, "statuses": dict(summary.statuses), "problem": summary.problem}


@task(backend=engine_settings().task_backend, queue_name=_queue_of_definition())
def hand_over(target_names: list[str] | None = None, using: str | None = None) -> int:
    """Claim the due notifications and enqueue them; for a project whose backend repeats tasks.

    Args:
        target_names: Names or module names of targets; all targets by default.
        using: The alias of the notifications' database; by default the router's.

    Returns:
        The number of notifications handed over.
    """
    return hand_over_due(enqueue, target_names=target_names, using=using)


def enqueue(batch: BatchMessage) -> None:
    """Enqueue a batch for the backend's workers.

    Args:
        batch: The batch.

    Raises:
        TimeoutError: When the backend does not accept the batch in time.
        Exception: Any other error of the backend.
    """
    backend = engine_settings().task_backend
    its_task = deliver.using(backend=backend, queue_name=queue_of(batch.module_name))
    arguments = batch.as_dict()
    package = type(task_backends[backend]).__module__.partition(".")[0]
    # Within a transaction, a test's mostly, another thread's connection would see nothing.
    if package in TRUSTED_PACKAGES or connections[batch.using].in_atomic_block:
        its_task.enqueue(arguments)
    else:
        within(ENQUEUE_SECONDS, lambda: its_task.enqueue(arguments))


def problems() -> Iterator[tuple[str, str]]:
    """Yield the problems of this module's settings, with hints; for system checks."""
    settings = engine_settings()
    task_queues = settings.task_queues or {}
    if not isinstance(task_queues, Mapping):
        return  # another check says so
    queues = task_backends[settings.task_backend].queues
    for key, queue in task_queues.items():
        if queues and queue not in list(queues):  # a list needs no hash of the queue
            yield (
                f"{ENGINE}['TASK_QUEUES'][{key!r}] is {queue!r}, which the backend"
                f" TASKS[{settings.task_backend!r}] does not have.",
                f"Add it to that backend's QUEUES, which are: {', '.join(sorted(queues))}.",
            )


def _works_at_once() -> bool:
    """Tell whether to enqueue is to deliver: then a batch after the batch would never return."""
    return type(task_backends[engine_settings().task_backend]).__name__ == "ImmediateBackend"
