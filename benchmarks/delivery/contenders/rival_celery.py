"""Celery: a task for every email, a worker with two processes, Redis as the broker.

The queue is filled before the worker starts. The sink takes the time from the first message to the
last, without the worker's start. The worker's processor time is that of all its processes; what a
worker takes that sends a single mail is taken off.
"""

import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from celery import Celery
from job import (
    HOST,
    SENDER,
    TITLE,
    address,
    html_body,
    next_number,
    processor_seconds,
    read_job,
    recipient_of,
    result_of,
    sink,
    text_body,
)
from texts import text_maker

job = read_job()
port = os.environ.setdefault("BENCHMARK_REDIS_PORT", "")
app = Celery("benchmark", broker=f"redis://{HOST}:{port}/0" if port else None)
app.conf.update(task_ignore_result=True, worker_hijack_root_logger=False)


@app.task(name="rival_celery.send")
def send(recipient: str, title: str, text: str, html: str) -> None:
    from django.core.mail import send_mail

    if make := text_maker(job):
        text = make(html)
    send_mail(title, text, SENDER, [recipient], html_message=html)


def main() -> None:
    number = job.number or 50
    start = timed(1)["own_each"]
    while number:
        result = timed(number)
        result["own_each"] = max(0.0, result["own_each"] - start / number)
        number = 0 if job.number else next_number(job, result)
    print(json.dumps(result))


def timed(number: int) -> dict[str, float]:
    before = sink(job, f"reset {job.delay} 0")
    for index in range(number):
        to = recipient_of(job, index)
        send.delay(address(index % 1000), TITLE, text_body(to), html_body(to))
    own_before = processor_seconds()
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "rival_celery", "worker", "-c", "2", "-l", "ERROR"],
        cwd=Path(__file__).parent,
        stdout=subprocess.DEVNULL,
    )
    give_up_at = time.monotonic() + 60
    try:
        seen = before
        while seen["messages"] < number:
            if worker.poll() is not None or time.monotonic() > give_up_at:
                sys.exit(f"The worker stopped after {seen['messages']:.0f} messages.")
            time.sleep(0.2)
            seen = sink(job)
    finally:
        worker.terminate()
        worker.wait()
    seconds = max(0.001, seen["last_at"] - seen["first_at"])
    result = result_of(job, number, seconds, processor_seconds() - own_before, before)
    result["connections"] = 0
    return result


if __name__ == "__main__":
    with ExitStack() as stack:
        port = str(job.broker_port)
        redis = stack.enter_context(
            subprocess.Popen(
                ["redis-server", "--port", port, "--bind", HOST, "--save", "", "--dir", job.folder],
                stdout=subprocess.DEVNULL,
            )
        )
        stack.callback(redis.terminate)
        os.environ["BENCHMARK_REDIS_PORT"] = port
        app.conf.broker_url = f"redis://{HOST}:{port}/0"
        main()
else:
    from project import set_up

    set_up(job)
