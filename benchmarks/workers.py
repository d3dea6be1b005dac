"""The commands that start a worker of each task engine."""

DJANGO = ("-m", "django")
RQWORKER = (*DJANGO, "rqworker", "benchmark", "--job-class=django_tasks_rq.Job", "-v0")
#: What a worker of Django's Tasks is started with.
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
    """Return what a process of a project with that engine has in its environment besides."""
    engine = "celery" if way == "celery" else "rq" if way.startswith("rq") else "database"
    return {"DJANGO_SETTINGS_MODULE": "benchmarks.engine_settings", "BENCHMARK_ENGINE": engine}
