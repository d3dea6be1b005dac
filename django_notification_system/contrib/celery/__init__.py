"""Delivery by a project's Celery workers.

Add ``"django_notification_system.contrib.celery"`` to ``INSTALLED_APPS``, and let Celery beat call
the task ``hand_over_due`` every few seconds. Celery's ``autodiscover_tasks()`` finds the tasks.

The integration is a package because Celery looks for a module ``tasks`` in every app.
"""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from ...delivery.handover import BatchMessage

if find_spec("celery") is None:
    raise ImproperlyConfigured(
        f"{__name__} needs Celery: pip install 'django-notification-system[celery]'"
    )

TASKS = f"{__name__}.tasks."
#: The queue of the quick tasks, and the beginning of the batches' queues: see ``route()``.
QUEUE = "notifications"


def enqueue(batch: "BatchMessage") -> None:
    """Send a batch to the workers, for ``NOTIFICATION_SYSTEM["ENGINE"]`` among others.

    Args:
        batch: The batch.

    Raises:
        TimeoutError: When the broker does not take the batch in time; the client of a silent broker
            goes on in its thread.
        Exception: When the broker cannot be reached.
    """
    # Here: an app's own module must not import models, and Celery takes long to load.
    from celery import current_app
    from django.db import connections

    from ...delivery.handover.time_limit import ENQUEUE_SECONDS, within
    from .tasks import send  # imports the models; the app's own module must not

    # Within a transaction, a test's mostly, another thread's connection would see nothing.
    if current_app.conf.task_always_eager or connections[batch.using].in_atomic_block:
        send(batch)
        return
    app = current_app._get_current_object()

    def send_by_app() -> None:
        # Celery's current app belongs to a thread; a new thread has the default app and no broker.
        app.set_current()
        send(batch)

    within(ENQUEUE_SECONDS, send_by_app)


def route(
    name: str, args: Sequence[Any], kwargs: Any, options: Any, task: Any = None, **others: Any
) -> Mapping[str, str] | None:
    """Give each target its own queue, as an entry of Celery's ``task_routes``.

    Batches go to ``notifications.email``, ``notifications.twilio`` and so on, by the target's
    module name; this app's other tasks to ``notifications``.

    Args:
        name: The task's name.
        args: The task's positional arguments.
        kwargs: The task's named arguments; ignored, like the following.
        options: The options of the sending.
        task: The task, where Celery has it.
        others: Further arguments of Celery's.
    """
    if not name.startswith(TASKS):
        return None
    if name == f"{TASKS}deliver" and args:
        return {"queue": f"{QUEUE}.{args[0]['module_name']}"}
    return {"queue": QUEUE}
