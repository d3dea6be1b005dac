"""Delivery by a project's Celery workers.

Add ``"django_notification_system.contrib.celery"`` to ``INSTALLED_APPS``, and let Celery beat call
the task ``hand_over_due`` every few seconds. Celery's ``autodiscover_tasks()`` finds the tasks.

It is a package for that alone: Celery looks for a module ``tasks`` in each app.
"""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from ...delivery.handover.engine import BatchMessage

if find_spec("celery") is None:
    raise ImproperlyConfigured(
        f"{__name__} needs Celery: pip install 'django-notification-system[celery]'"
    )

TASKS = f"{__name__}.tasks."
#: What ``route()`` calls the queues: this alone for what is quick, and with the module's name.
QUEUE = "notifications"


def enqueue(batch: "BatchMessage") -> None:
    """Send a batch to the workers, for ``NOTIFICATION_SYSTEM["ENGINE"]`` among others.

    Raises:
        TimeoutError: When the broker does not take it in time: the client of a silent one goes on.
        Exception: When the broker cannot be reached, as soon as that is known.
    """
    from celery import current_app
    from django.db import connections

    from ...delivery.handover.time_limit import ENQUEUE_SECONDS, within
    from .tasks import send  # which needs the models, as this app's own module must not

    # Within a transaction, a test's mostly, another thread's connection would see nothing.
    if current_app.conf.task_always_eager or connections[batch.using].in_atomic_block:
        send(batch)
        return
    app = current_app._get_current_object()

    def send_by_app() -> None:
        # Celery's current app is that of a thread; another has its default, and no broker of ours.
        app.set_current()
        send(batch)

    within(ENQUEUE_SECONDS, send_by_app)


def route(
    name: str, args: Sequence[Any], kwargs: Any, options: Any, task: Any = None, **others: Any
) -> Mapping[str, str] | None:
    """Give each target a queue of its own, as an entry of Celery's ``task_routes``.

    Batches go to ``notifications.email``, ``notifications.twilio`` and so on, by the target's
    module name; this app's other tasks to ``notifications``.

    Args:
        name: The task's name.
        args: Its arguments.
        kwargs: Those by name; not looked at, as the following.
        options: How it is sent.
        task: The task, where Celery has it.
        others: What else Celery says.
    """
    if not name.startswith(TASKS):
        return None
    if name == f"{TASKS}deliver" and args:
        return {"queue": f"{QUEUE}.{args[0]['module_name']}"}
    return {"queue": QUEUE}
