"""Handlers that break the contract, a clause each, and the provider that they talk to."""

import http.client
import json
import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection as database

from django_notification_system.exceptions import TargetUnavailable
from django_notification_system.models import Notification
from django_notification_system.notification_handlers.base import Outcome, begin_sending
from django_notification_system.testing.contract import HandlerContract, Provider

Notifications = Iterable[Notification]

Deliver = Callable[[Notifications], Iterator[Any]]

KEY = "planted-key"

#: What broken handlers leave behind, so that a test can end them.
left: list[Any] = []


class PostOffice(BaseHTTPRequestHandler):
    """Takes what has an address and the key."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: Any

    def do_POST(self) -> None:
        letter = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["Authorization"] != f"Bearer {KEY}":
            status = 401
        elif letter["to"].startswith("street"):
            self.server.received.append(letter["text"])
            status = 200
        else:
            status = 404
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        pass


class PostContract(HandlerContract):
    """The contract for a function in this file."""

    handler = "post"
    malformed_addresses = ("nowhere",)
    secrets = (KEY,)
    function: Callable[[Notifications], Iterator[Any]]

    @contextmanager
    def running_provider(self) -> Iterator[Provider]:
        with ThreadingHTTPServer(("127.0.0.1", 0), PostOffice) as server:
            server.daemon_threads = True
            server.received = []  # type: ignore[attr-defined]
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            try:
                yield Provider(
                    port=server.server_address[1],
                    received=lambda: list(server.received),  # type: ignore[attr-defined]
                )
            finally:  # a broken handler's clause raises
                server.shutdown()

    def settings_for(self, host: str, port: int) -> Mapping[str, Any]:
        return {"NOTIFICATION_SYSTEM_TARGETS": {"post": {"base_url": f"http://{host}:{port}"}}}

    def address(self, number: int) -> str:
        return f"street {number}"

    def deliver(self, notifications: Notifications) -> Iterator[Any]:
        return type(self).function(notifications)


def contract_of(deliver: Deliver, **attributes: Any) -> PostContract:
    named = {**attributes, "function": staticmethod(deliver)}
    contract: PostContract = type("Contract", (PostContract,), named)()
    return contract


#: Of a call to the provider, in seconds: a busy machine answers in time.
TIMEOUT = 2.0


def connect(timeout: float | None = TIMEOUT) -> http.client.HTTPConnection:
    base = urlsplit(settings.NOTIFICATION_SYSTEM_TARGETS["post"]["base_url"])
    assert base.hostname is not None
    connection = http.client.HTTPConnection(base.hostname, base.port, timeout=timeout)
    connection.connect()
    return connection


def post(connection: http.client.HTTPConnection, notification: Notification) -> tuple[int, str]:
    letter = {"to": notification.target_user_record.target_user_id, "text": notification.body}
    connection.request("POST", "/", json.dumps(letter), {"Authorization": f"Bearer {KEY}"})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def judge(notification: Notification, status: int) -> Outcome:
    if status == 401:
        raise TargetUnavailable("The post office refuses the key.")
    if status == 404:
        return Outcome.failed(notification, "There is no such street.")
    if status != 200:
        return Outcome.retry(notification, f"HTTP {status}")
    return Outcome.delivered(notification, "Posted")


def send(notification: Notification, timeout: float | None = TIMEOUT) -> Outcome:
    """What each of the broken handlers has, but for what is broken."""
    try:
        connection = connect(timeout)
    except OSError as error:
        return Outcome.retry(notification, type(error).__name__, unreachable=True)
    try:
        status, _ = post(connection, notification)
    except (OSError, http.client.HTTPException) as error:
        return Outcome.unknown(notification, type(error).__name__, unreachable=True)
    finally:
        connection.close()
    return judge(notification, status)


def good(notifications: Notifications) -> Iterator[Outcome]:
    yield from map(send, notifications)


def forgets_one(notifications: Notifications) -> Iterator[Outcome]:
    for outcome in good(notifications):
        if not outcome.notification.title.endswith("3"):
            yield outcome


def says_all_twice(notifications: Notifications) -> Iterator[Outcome]:
    for outcome in good(notifications):
        yield from (outcome, outcome)


def takes_only_three(notifications: Notifications) -> Iterator[Outcome]:
    for _, notification in zip(range(3), notifications, strict=False):
        yield send(notification)


def yields_texts(notifications: Notifications) -> Iterator[str]:
    for outcome in good(notifications):
        yield outcome.response


def sends_nothing(notifications: Notifications) -> Iterator[Outcome]:
    for notification in notifications:
        yield Outcome.delivered(notification, "Posted")


def sends_twice(notifications: Notifications) -> Iterator[Outcome]:
    for notification in notifications:
        send(notification)
        yield send(notification)


def says_failed_of_what_was_taken(notifications: Notifications) -> Iterator[Outcome]:
    for notification in notifications:
        send(notification)
        yield Outcome.retry(notification, "Not posted")


def keeps_connections(notifications: Notifications) -> Iterator[Outcome]:
    left.append(connect())
    yield from good(notifications)


def needs_a_first_one(notifications: Notifications) -> Iterator[Outcome]:
    yield send(next(iter(notifications)))
    yield from good(notifications)


def greets_nobody(notifications: Notifications) -> Iterator[Outcome]:
    waiting = list(notifications)
    if not waiting:
        record = SimpleNamespace(target_user_id="street 0")
        send(SimpleNamespace(target_user_record=record, body="Hello"))  # type: ignore[arg-type]
    yield from good(waiting)


def lacks_a_setting_where_nothing_is_due(notifications: Notifications) -> Iterator[Outcome]:
    waiting = list(notifications)
    if not waiting:
        raise TargetUnavailable("Set what is missing.")
    yield from good(waiting)


class SaysAllThatItKnows:
    """Repeats, in each call, the outcomes of the calls before."""

    def __init__(self) -> None:
        self.known: list[Outcome] = []

    def __call__(self, notifications: Notifications) -> Iterator[Outcome]:
        yield from self.known
        for outcome in good(notifications):
            self.known.append(outcome)
            yield outcome


def invents(notifications: Notifications) -> Iterator[Outcome]:
    yield Outcome.delivered(Notification(title="Invented"), "Posted")
    yield from good(notifications)


def ends_at_the_first_refusal(notifications: Notifications) -> Iterator[Outcome]:
    for notification in notifications:
        outcome = send(notification)
        yield outcome
        if outcome.response == "There is no such street.":
            return


def fails_with_its_neighbours(notifications: Notifications) -> Iterator[Outcome]:
    """One bad address makes the whole batch fail, as one request for all would."""
    batch = list(notifications)
    is_bad = any(one.target_user_record.target_user_id == "nowhere" for one in batch)
    for notification in batch:
        yield Outcome.failed(notification, "Bad batch") if is_bad else send(notification)


def breaks_on_an_odd_extra(notifications: Notifications) -> Iterator[Outcome]:
    for notification in notifications:
        notification.extra.get("stamp")
        yield send(notification)


def tries_bad_addresses_for_ever(notifications: Notifications) -> Iterator[Outcome]:
    for outcome in good(notifications):
        is_bad = outcome.response == "There is no such street."
        yield Outcome.retry(outcome.notification, "Later") if is_bad else outcome


def lets_errors_out(notifications: Notifications) -> Iterator[Outcome]:
    for notification in notifications:
        connection = connect()
        try:
            status, _ = post(connection, notification)
        finally:
            connection.close()
        yield judge(notification, status)


def gives_up_after_an_error(notifications: Notifications) -> Iterator[Outcome]:
    has_failed = False
    for notification in notifications:
        outcome = (
            Outcome.retry(notification, "Not tried", unreachable=True)
            if has_failed
            else send(notification)
        )
        has_failed = has_failed or outcome.unreachable
        yield outcome


def repeats_the_answer(notifications: Notifications) -> Iterator[Outcome]:
    for notification in notifications:
        try:
            connection = connect()
        except OSError:
            yield Outcome.retry(notification, "Unreachable", unreachable=True)
            continue
        try:
            status, said = post(connection, notification)
        except (OSError, http.client.HTTPException):
            yield Outcome.unknown(notification, "Unknown")
            continue
        finally:
            connection.close()
        yield (
            Outcome.delivered(notification, "Posted")
            if status == 200
            else Outcome.retry(notification, said)
        )


def names_its_key(notifications: Notifications) -> Iterator[Outcome]:
    try:
        yield from good(notifications)
    except TargetUnavailable as error:
        raise TargetUnavailable(f"The post office refuses {KEY}.") from error


def logs_bodies(notifications: Notifications) -> Iterator[Outcome]:
    for outcome in good(notifications):
        logging.getLogger("post").info("Posted %s", outcome.notification.body)
        yield outcome


def logs_its_key_beside(notifications: Notifications) -> Iterator[Outcome]:
    logging.getLogger("django_notification_system").debug("Posting", extra={"key": KEY})
    yield from good(notifications)


def raises_with_its_key(notifications: Notifications) -> Iterator[Outcome]:
    for outcome in good(notifications):
        if outcome.result.value == "unknown":
            raise RuntimeError(f"Nothing came of the request with {KEY}")
        yield outcome


def asks_the_database(notifications: Notifications) -> Iterator[Outcome]:
    database.ensure_connection()
    yield from good(notifications)


def asks_the_database_and_hides_it(notifications: Notifications) -> Iterator[Outcome]:
    with suppress(Exception):
        Notification.objects.count()
    yield from good(notifications)


def asks_the_database_in_a_thread(notifications: Notifications) -> Iterator[Outcome]:
    def ask() -> None:
        with suppress(Exception):
            Notification.objects.exists()

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    yield from good(notifications)


def closes_only_at_the_end(notifications: Notifications) -> Iterator[Outcome]:
    connection = connect()
    left.append(connection)
    yield from good(notifications)
    connection.close()


def joins_only_at_the_end(notifications: Notifications) -> Iterator[Outcome]:
    is_over = threading.Event()
    thread = threading.Thread(target=is_over.wait, args=(20,), name="left behind", daemon=True)
    left.append(is_over)
    thread.start()
    yield from good(notifications)
    is_over.set()
    thread.join()


def raises_when_closed(notifications: Notifications) -> Iterator[Outcome]:
    for notification in notifications:
        try:
            yield send(notification)
        except GeneratorExit:
            raise RuntimeError("Closed too early") from None


def drops_what_it_took_ahead(notifications: Notifications) -> Iterator[Outcome]:
    """Takes one ahead of the one that it sends, and forgets that where a stop ends the rest."""
    source = iter(notifications)
    current = next(source)
    for following in source:
        yield send(current)
        current = following
    if current.title == "Message 8":
        yield send(current)


def drops_what_it_has_begun(notifications: Notifications) -> Iterator[Outcome]:
    source = iter(notifications)
    while batch := [one for one in (next(source, None), next(source, None)) if one is not None]:
        outcomes = []
        for notification in batch:
            begin_sending(notification)
            outcomes.append(send(notification))
        yield outcomes[0]
        following = next(source, None)
        if following is None:
            return  # a stop, and the second one is forgotten
        yield outcomes[1]
        yield send(following)


def leaves_a_pool_at_a_stop(notifications: Notifications) -> Iterator[Outcome]:
    pool = ThreadPoolExecutor(2, thread_name_prefix="left behind")
    left.append(pool)
    sent = 0
    for notification in notifications:
        yield pool.submit(send, notification).result()
        sent += 1
    if sent > 1:  # not where a stop came
        pool.shutdown()


def judges_what_was_released(notifications: Notifications) -> Iterator[Outcome]:
    for notification in notifications:
        try:
            begin_sending(notification)
            yield send(notification)
        except Exception as error:
            yield Outcome.retry(notification, str(error))


def has_no_timeout(notifications: Notifications) -> Iterator[Outcome]:
    for notification in notifications:
        yield send(notification, timeout=None)


def hopes_for_the_best(notifications: Notifications) -> Iterator[Outcome]:
    for outcome in good(notifications):
        is_silent = outcome.response == "TimeoutError"
        yield Outcome.delivered(outcome.notification, "Posted?") if is_silent else outcome


def gives_up_on_silence(notifications: Notifications) -> Iterator[Outcome]:
    for outcome in good(notifications):
        is_silent = outcome.response == "TimeoutError"
        yield Outcome.failed(outcome.notification, "Silence") if is_silent else outcome


def knows_nothing_without_a_connection(notifications: Notifications) -> Iterator[Outcome]:
    for outcome in good(notifications):
        is_away = outcome.response == "ConnectionRefusedError"
        yield Outcome.unknown(outcome.notification, "?") if is_away else outcome


def fails_without_a_connection(notifications: Notifications) -> Iterator[Outcome]:
    for outcome in good(notifications):
        is_away = outcome.response == "ConnectionRefusedError"
        yield Outcome.failed(outcome.notification, "Away") if is_away else outcome


def tries_again_what_may_have_gone_out(notifications: Notifications) -> Iterator[Outcome]:
    for outcome in good(notifications):
        is_unknown = outcome.result.value == "unknown"
        yield Outcome.retry(outcome.notification, "Again") if is_unknown else outcome


#: By the contract's test: handlers that break its clause, and what the failure says.
BROKEN: dict[str, list[tuple[Deliver, str]]] = {
    "test_each_notification_has_one_outcome": [
        (forgets_one, "'Message 3' has 0 outcomes. Yield one for each"),
        (says_all_twice, "'Message 1' has 2 outcomes"),
        (takes_only_three, "'Message 4' has 0 outcomes"),
        (yields_texts, "yielded str, and not an Outcome. Make one with"),
        (sends_nothing, "counts as delivered, and the provider has not taken it"),
        (sends_twice, "The provider took notification 'Message 1' 2 times"),
        (says_failed_of_what_was_taken, "its outcome is retry. Yield Outcome.unknown"),
        (keeps_connections, "1 connections to the provider are open after the end. Close them"),
    ],
    "test_no_notifications_have_no_outcome": [
        (needs_a_first_one, "The handler raised RuntimeError"),
        (greets_nobody, "yielded 0 outcomes and sent 1 messages"),
        (lacks_a_setting_where_nothing_is_due, "raised TargetUnavailable"),
    ],
    "test_outcomes_are_only_of_what_was_taken": [
        (SaysAllThatItKnows(), "The second call of the handler yielded 8 outcomes"),
        (invents, "The first call of the handler yielded 1 outcomes"),
    ],
    "test_a_malformed_address_spoils_no_other": [
        (ends_at_the_first_refusal, "has 0 outcomes"),
        (fails_with_its_neighbours, r"is good, and its outcome is failed \(\['Bad batch'\]\)"),
        (breaks_on_an_odd_extra, "raised AttributeError"),
        (tries_bad_addresses_for_ever, "to the malformed address 'nowhere', is retry"),
    ],
    "test_a_send_that_fails_spoils_no_other": [
        (lets_errors_out, "raised RemoteDisconnected.*Catch what a send raises"),
        (gives_up_after_an_error, "'Message 2' was not sent: its outcome is retry"),
    ],
    "test_no_secret_is_in_a_response_or_a_log": [
        (repeats_the_answer, "The response of notification 'Message 1' has a secret in it"),
        (names_its_key, "The text of TargetUnavailable has a secret in it"),
        (logs_bodies, "A log record has a message's body in it"),
        (logs_its_key_beside, "A log record has a secret in it"),
        (raises_with_its_key, "The text of RuntimeError has a secret in it"),
    ],
    "test_the_database_is_left_alone": [
        (asks_the_database, "used database 'default'"),
        (asks_the_database_and_hides_it, "used database 'default'"),
        (asks_the_database_in_a_thread, "used database 'default' in thread"),
    ],
    "test_an_early_end_leaves_nothing": [
        (closes_only_at_the_end, "1 connections to the provider are open"),
        (joins_only_at_the_end, "threads are left after the end: left behind"),
        (raises_when_closed, "raised RuntimeError: Closed too early"),
    ],
    "test_a_stop_leaves_nothing_half_done": [
        (drops_what_it_took_ahead, "'Message 2' was taken and has no outcome. Finish"),
        (drops_what_it_has_begun, "'Message 2' was taken and has no outcome"),
        (leaves_a_pool_at_a_stop, "threads are left after the end: left behind"),
    ],
    "test_a_released_notification_is_neither_sent_nor_judged": [
        (judges_what_was_released, "Released for .*'Message 1', and its outcome is retry. Let the"),
    ],
    "test_a_silent_provider_ends_in_bounded_time": [
        (has_no_timeout, "still at work after 1 s. Give every call to the provider a timeout"),
        (hopes_for_the_best, "The provider never answered, and .* is delivered|counts as deliv"),
        (gives_up_on_silence, "The provider never answered, and .* is failed"),
    ],
    "test_unknown_is_only_what_was_written": [
        (knows_nothing_without_a_connection, "is unknown, and nothing was written"),
        (fails_without_a_connection, "There was no connection to the provider, and .* is failed"),
        (tries_again_what_may_have_gone_out, "its outcome is retry. Yield Outcome.unknown"),
    ],
}
