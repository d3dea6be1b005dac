"""The commands that start the task engines' workers."""

DJANGO = ("-m", "django")
RQWORKER = (*DJANGO, "rqworker", "benchmark", "--job-class=django_tasks_rq.Job", "-v0")
#: Arguments that start a worker of Django's Tasks.
TASKS_WORKERS = {
    "db_worker": (*DJANGO, "db_worker", "--interval=1", "--no-startup-delay", "-v0"),
    "db_worker --interval 0.1": (
        *(*DJANGO, "db_worker", "--interval=0.1"),
        *("--no-startup-delay", "-v0"),
    ),
    "rqworker": RQWORKER,
    "rqworker, no fork": (*RQWORKER, "--worker-class=rq.SimpleWorker"),
}
CELERY_WORKER = (
    *("-m", "celery", "-A", "benchmarks.celery_app", "worker"),
    *("--concurrency=1", "--without-mingle", "--without-gossip"),
)


def environment_of(way: str) -> dict[str, str]:
    """Return the additional environment for processes of a project with this engine."""
    engine = "celery" if way == "celery" else "rq" if way.startswith("rq") else "database"
    return {"DJANGO_SETTINGS_MODULE": "benchmarks.engine_settings", "BENCHMARK_ENGINE": engine}
