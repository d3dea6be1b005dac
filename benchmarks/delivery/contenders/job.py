"""Shared by all contenders: the job, the message, the sink's count and the stopwatch.

A contender is a program, started by path with the interpreter of its own environment: the path has
only this folder, neither this project nor a rival.
"""

import hashlib
import json
import os
import resource
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

HOST = "127.0.0.1"
SENDER = "noreply@example.com"
TITLE = "Your order is on its way"
FIRST_NUMBER = 8
LARGEST_NUMBER = 60_000
#: How many messages meet a server that refuses connections.
NUMBER_WHERE_REFUSED = 1000


@dataclass(frozen=True)
class Job:
    """A contender's task.

    Attributes:
        channel: ``email``, ``twilio`` or ``expo``.
        variant: The way of doing it, in the contender's own words.
        mail: The kind of mail: ``personal``, ``shared``, ``template`` or ``attachment``.
        database: An entry for Django's ``DATABASES``.
        smtp_port, http_port, control_port: The sink's ports.
        broker_port: A free port, for a broker.
        delay: By how many seconds the sink's answers are late.
        most_connections: How many connections the SMTP sink takes at once; 0 for all.
        seconds: About how long to measure.
        number: How many messages; by default as many as take about ``seconds``.
        folder: For temporary files.
    """

    channel: str
    variant: str
    mail: str
    database: dict[str, Any]
    smtp_port: int
    http_port: int
    control_port: int
    broker_port: int
    delay: float
    most_connections: int
    seconds: float
    number: int | None
    folder: str

    @property
    def http_url(self) -> str:
        return f"http://{HOST}:{self.http_port}"


def read_job() -> Job:
    return Job(**json.loads(os.environ["BENCHMARK_JOB"]))


def address(number: int) -> str:
    return f"user{number}@example.com"


@dataclass(frozen=True)
class Customer:
    """What makes a mail personal: the words of one customer, or of all."""

    name: str = "customer"
    order: str = ""
    link: str = "https://shop.example.com/orders/follow"


#: In place of a customer's words: what a Django template names so.
PLACEHOLDERS = Customer("{{ name }}", "{{ order }}", "{{ link }}")
NAMES = ("Ada Lovelace", "Jürgen Müller", "Grace Hopper", "Zoë Martínez", "Bob Li")


def customer(number: int) -> Customer:
    """Return the customer of a personal mail; no other mail has the order or the link."""
    token = hashlib.sha256(str(number).encode()).hexdigest()[:43]
    return Customer(
        name=NAMES[number % len(NAMES)],
        order=f"{number:08}",
        link=f"https://shop.example.com/orders/follow?token={token}",
    )


def html_body(to: Customer | None = None) -> str:
    """Return 2 KB of HTML: a customer's own, or one for all."""
    to = to or Customer()
    rows = "".join(
        f"<tr><td>Item {n}</td><td>A thing of a certain kind, no. {n}</td><td>{n}.50</td></tr>\n"
        for n in range(1, 17)
    )
    page = (
        "<html><head><title>Your order</title></head><body>\n"
        f"<h1>Thank you for your order {to.order}</h1>\n<p>Dear {to.name},</p>\n"
        "<p>It has left our house <b>today</b>. You can follow it on"
        f' <a href="{to.link}">our page</a>.</p>\n'
        f"<table>\n<tr><th>Item</th><th>What</th><th>Price</th></tr>\n{rows}</table>\n"
    )
    filler = "<p>We are there for you from Monday to Friday, from nine to five.</p>\n"
    end = "<p>Yours, the people of the shop</p></body></html>\n"
    while len(page) + len(filler) + len(end) <= 2048:
        page += filler
    return page + end


def text_body(to: Customer | None = None) -> str:
    """Return the text part of ``html_body`` as somebody would write it."""
    to = to or Customer()
    items = "".join(f"Item {n}  A thing of a certain kind, no. {n}  {n}.50\n" for n in range(1, 17))
    return (
        f"Thank you for your order {to.order}\n\nDear {to.name},\n\nIt has left our house today."
        f" You can follow it on our page <{to.link}>.\n\n{items}\n"
        "Yours, the people of the shop\n"
    )


def recipient_of(job: Job, number: int) -> Customer | None:
    """Return the customer whose words are in a mail; ``None`` for a body that all share."""
    return None if job.mail == "shared" else customer(number)


def attachment(number: int) -> bytes:
    """Return a file of 50 KB that no other mail has."""
    return hashlib.shake_256(str(number).encode()).digest(50 * 1024)


SHORT_BODY = "Thank you for your order. It has left our house today."


def sink(job: Job, command: str = "show") -> dict[str, float]:
    """Ask the sink for its count, or reset the count."""
    with socket.create_connection((HOST, job.control_port)) as control:
        control.sendall(command.encode())
        answer: dict[str, float] = json.loads(control.makefile().readline())
        return answer


def measure(
    job: Job,
    fill: Callable[[int], None],
    deliver: Callable[[], None],
    left: Callable[[], dict[str, int]] | None = None,
) -> None:
    """Fill the queue and time its delivery, with more and more messages until it takes long enough.

    Prints the last measurement as JSON, for the parent program.

    Args:
        job: The job.
        fill: Fills the queue with so many messages.
        deliver: Empties the queue.
        left: Counts what became of the messages that a server refused, for the job that asks.
    """
    if job.most_connections:
        number = job.number or NUMBER_WHERE_REFUSED
        print(json.dumps(timed(job, number, fill, deliver) | (left() if left else {})))
        return
    result = timed(job, FIRST_NUMBER, fill, deliver)
    number = job.number or next_number(job, result)
    while number:
        result = timed(job, number, fill, deliver)
        number = 0 if job.number else next_number(job, result)
    print(json.dumps(result))


def next_number(job: Job, result: dict[str, float]) -> int:
    """Return with how many to measure again, or 0 where the last took long enough."""
    number = int(result["number"])
    if result["seconds"] >= job.seconds * 0.6 or number == LARGEST_NUMBER:
        return 0
    wanted = int(number * job.seconds / result["seconds"])
    return min(LARGEST_NUMBER, wanted, number * 10)


def timed(
    job: Job, number: int, fill: Callable[[int], None], deliver: Callable[[], None]
) -> dict[str, float]:
    fill(number)
    before = sink(job, f"reset {job.delay} {job.most_connections}")
    own_before = processor_seconds()
    start = time.perf_counter()
    deliver()
    seconds = time.perf_counter() - start
    own = processor_seconds() - own_before
    return result_of(job, number, seconds, own, before)


def result_of(
    job: Job, number: int, seconds: float, own: float, before: dict[str, float]
) -> dict[str, float]:
    """Return the measurement, or end the program where not every message arrived once."""
    after = sink(job)
    is_bound_to_arrive = job.variant != "queue alone" and not job.most_connections
    if after["messages"] != number and is_bound_to_arrive:
        sys.exit(f"{after['messages']:.0f} of {number} messages arrived.")
    return {
        "number": number,
        "arrived": after["messages"],
        "refused": after["refused"],
        "seconds": seconds,
        "sink_busy": (after["busy"] - before["busy"]) / seconds,
        "own_each": own / number,
        "connections": after["connections"] - 2,  # without the connections of this count
    }


def processor_seconds() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
