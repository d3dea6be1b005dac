"""The duties of a handler, as tests that a project runs on its own handler."""

import re
import socket
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import chain, zip_longest
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.test.utils import override_settings

from ..delivery.handlers.find import find_handler
from ..delivery.handlers.outbox_hook import add_outbox_hook, remove_outbox_hook
from ..models import Notification, NotificationTarget, TargetUserRecord
from ..outcome import Outcome, OutcomeKind, one_line
from .bench import Bench, code_of, kind_in, name, require, said
from .quoting import STATUSES, quoting_provider
from .trial import Deliver, Trial, no_database
from .wire import Provider, Wire

__all__ = ["HandlerContract", "Provider"]

#: Addresses unknown to most providers. Handler or provider may refuse them, or nobody: no such
#: address keeps other notifications from being sent.
ODD_ADDRESSES = ("", "two\r\nlines: yes", "\N{SNOWMAN}" * 40)
#: RFC 9110, section 11.6.2: an HTTP client's credentials.
CREDENTIALS = re.compile(rb"^(?:proxy-)?authorization:[ \t]*\S+[ \t]+(\S+)", re.I | re.M)


class HandlerContract:
    """Tests of a handler's duties, whatever the provider.

    Subclass and describe the handler. The class has no base: both kinds of test runners take the
    subclass, and neither takes the class itself. With pytest the subclass is plain, and its name
    begins with ``Test``; for ``manage.py test`` the subclass has ``SimpleTestCase`` as a second
    base.

    The notifications are never saved, so no database is needed. An outbox (``use_outbox()``) and
    ``OVERRIDE_RECIPIENTS`` are off in a test. The handler is called in a thread, as by a run, and
    reaches its provider through a local port of the test's own. A failure names the notification
    and the next step.

    Attributes:
        handler: The name of the handler's module: a target's ``notification_module_name``.
        malformed_addresses: Addresses that can never be right; the handler or the stand-in refuses
            them. At least one.
        secrets: Texts that must not stand in any response or log: the passwords, keys and tokens of
            ``settings_for()``, in every form that is sent. The notifications' bodies and an HTTP
            request's credentials (``Authorization``) need no mention.
        longest_call_seconds: The longest time, in seconds, for a call of the handler, also where
            the provider never answers. Give the handler a shorter timeout in ``settings_for()``.
        notification_count: How many good notifications a test sends.
        provider_knows_repeats: Whether the provider takes a message once however often it is sent,
            by a name that the handler gives the message: then a lost answer may count as a retry.
    """

    handler: str = ""
    malformed_addresses: Sequence[str] = ()
    secrets: Sequence[str] = ()
    longest_call_seconds: float = 30
    notification_count = 8
    provider_knows_repeats = False

    # The subclass describes the handler.

    def running_provider(self) -> AbstractContextManager[Provider]:
        """Return a context manager that runs the stand-in and yields a ``Provider``.

        Write the function with ``contextlib.contextmanager``. A new stand-in has received nothing.
        """
        raise NotImplementedError(f"{type(self).__name__} needs running_provider(self).")

    def settings_for(self, host: str, port: int) -> Mapping[str, Any]:
        """Return the Django settings with which the handler sends to another host and port.

        Args:
            host: The host in place of the provider's.
            port: The port in place of the provider's, without TLS.
        """
        raise NotImplementedError(f"{type(self).__name__} needs settings_for(self, host, port).")

    def address(self, number: int) -> str:
        """Return an address that the stand-in accepts.

        Args:
            number: The notification's number, from 1. Addresses may repeat.
        """
        raise NotImplementedError(f"{type(self).__name__} needs address(self, number).")

    def make_notification(self, number: int, address: str) -> Notification:
        """Return an unsaved notification; override for a body or an ``extra`` of another kind.

        The first word of the body must be in no other body.

        Args:
            number: The notification's number in its test.
            address: The record's address.
        """
        target = NotificationTarget(name="Contract", notification_module_name=self.handler)
        user_model = get_user_model()
        user = user_model(**{user_model.USERNAME_FIELD: f"person-{number}"})
        record = TargetUserRecord(user=user, target=target, target_user_id=address)
        # A code that no other body has; its reader could log in.
        body = f'{uuid.uuid4().hex[:10]}{number:02} is your code.\nKeep it to "yourself".'
        return Notification(target_user_record=record, title=f"Message {number}", body=body)

    def quoting_providers(self, quote: str) -> Iterable[AbstractContextManager[Provider]]:
        """Return providers that refuse a single message and quote the request.

        By default the providers speak HTTP and quote the request as JSON, all with different
        statuses. Override this method for another protocol.

        Args:
            quote: The text to quote: the secrets, and the message's body.
        """
        return [quoting_provider(quote, status) for status in STATUSES]

    def deliver(self, notifications: Iterable[Notification]) -> Iterator[Outcome]:
        """Call the handler, found by its name as in a run.

        Override this method only for a function without a target.

        Args:
            notifications: The notifications for the handler.
        """
        target = NotificationTarget(name="Contract", notification_module_name=self.handler)
        return find_handler(target).deliver(notifications)

    # The handler's duties.

    def test_each_notification_has_one_outcome(self) -> None:
        """Every notification has one outcome, and the outcome is true."""
        with self._bench() as bench:
            trial = bench.run(self._good())
            bench.require_one_outcome_each(trial)
            bench.require_delivered(trial, trial.notifications)
            bench.require_nothing_left(trial)

    def test_no_notifications_have_no_outcome(self) -> None:
        """Without due notifications, nothing is yielded, sent or raised."""
        with self._bench() as bench:
            trial = bench.run([])
            bench.require_one_outcome_each(trial)
            require(
                not trial.outcomes and not list(bench.received()),
                f"The handler got no notification, yielded {len(trial.outcomes)} outcomes and sent"
                f" {len(list(bench.received()))} messages. Yield and send only what was taken.",
            )

    def test_outcomes_are_only_of_what_was_taken(self) -> None:
        """Two calls yield only outcomes of notifications taken in the same call so far."""
        with self._bench() as bench:
            for call in ("first", "second"):
                trial = bench.run(self._good())
                bench.require_end(trial)
                require(
                    not trial.early,
                    f"The {call} call of the handler yielded {len(trial.early)} outcomes of"
                    " notifications that it had not taken. Yield an outcome of what deliver() took"
                    " in the same call, after it was taken.",
                )

    def test_a_malformed_address_spoils_no_other(self) -> None:
        """A malformed address fails for good and alone; an odd row does no other harm."""
        good = self._good()
        malformed = self._numbered(self.malformed_addresses, first=50)
        odd = [*self._numbered(ODD_ADDRESSES, first=70), self._with_odd_extra(90)]
        with self._bench() as bench:
            trial = bench.run(_mixed(good, [*malformed, *odd]))
            bench.require_one_outcome_each(trial)
            bench.require_delivered(trial, good)
            for notification in malformed:
                kind = kind_in(trial, notification)
                address = notification.target_user_record.target_user_id
                require(
                    kind is OutcomeKind.FAILED,
                    f"The outcome of {name(notification)}, to the malformed address {address!r}, is"
                    f" {said(kind)}. Yield Outcome.failed(): another try would be refused again.",
                )
        require(bool(malformed), "Name at least one address in malformed_addresses.")

    def test_a_send_that_fails_spoils_no_other(self) -> None:
        """The connection breaks for one message: all other messages are sent."""
        with self._bench() as bench:
            trial = bench.run(self._good(), loses_answer=True)
            bench.require_one_outcome_each(trial)
            for notification in trial.notifications:
                require(
                    bench.times_received(notification) == 1,
                    f"The connection broke for another message, and {name(notification)} was not"
                    f" sent: its outcome is {said(kind_in(trial, notification))}. Catch what a send"
                    " raises, yield that notification's outcome, and go on with the next.",
                )

    def test_no_secret_is_in_a_response_or_a_log(self) -> None:
        """Neither a quoting provider nor an error brings a secret before people."""
        for trial, credentials in self._trials_with_quotes():
            bodies = [code_of(notification) for notification in trial.notifications]
            for where, text in _texts(trial):
                for secret in (*self.secrets, *credentials, *bodies):
                    what = "a message's body" if secret in bodies else "a secret"
                    require(
                        secret not in text,
                        f"{where} has {what} in it: {text.replace(secret, '[here]')!r}. Hide what a"
                        " provider or an error may quote, for instance with redacted() of"
                        " notification_handlers.redaction.",
                    )

    def test_the_database_is_left_alone(self) -> None:
        """No query is made in the handler's thread, nor in threads begun by the handler."""
        with self._bench() as bench:
            good = self._good()
            with no_database() as uses:
                trial = bench.run(good)
            require(
                not uses,
                f"The handler used {', '.join(sorted(set(uses)))}. Read what is needed from the"
                " notification: its record, target and user are loaded. The engine records the"
                " outcomes.",
            )
            bench.require_one_outcome_each(trial)

    def test_an_early_end_leaves_nothing(self) -> None:
        """The generator is closed after the first outcome: no thread and no socket is left."""
        with self._bench() as bench:
            trial = bench.run(self._good(), close_after=1)
            bench.require_end(trial)
            bench.require_truth(trial)
            bench.require_nothing_left(trial)

    def test_a_stop_leaves_nothing_half_done(self) -> None:
        """A stop is asked after the first outcome: begun messages are finished and told."""
        with self._bench() as bench:
            trial = bench.run(self._good(), stop_after=1)
            bench.require_end(trial)
            bench.require_truth(trial)
            bench.require_nothing_left(trial)
            marks_what_it_sends = any(one.is_on_its_way for one in trial.taken)
            for notification in trial.taken:
                was_begun = notification.is_on_its_way or not marks_what_it_sends
                require(
                    kind_in(trial, notification) is not None or not was_begun,
                    f"A stop was asked, and {name(notification)} was taken and has no outcome."
                    " Finish what was taken and yield its outcome. A handler that takes several"
                    " ahead calls begin_sending() with each before it sends it: the others are"
                    " given back.",
                )

    def test_a_released_notification_is_neither_sent_nor_judged(self) -> None:
        """A run gives a notification back before its sending has begun: another run sends it."""
        with self._bench() as bench:
            released = self._good()[0]
            released.is_released = True
            trial = bench.run([released])
            require(
                not released.is_on_its_way or not (trial.outcomes or list(bench.received())),
                f"begin_sending() raised Released for {name(released)}, and its outcome is"
                f" {said(kind_in(trial, released))}. Let the error leave deliver(), and send"
                " nothing.",
            )
            bench.require_nothing_left(trial)

    def test_a_silent_provider_ends_in_bounded_time(self) -> None:
        """The provider takes the connection and never answers: there is an outcome in time."""
        with self._bench_of_silence() as bench:
            trial = bench.run(self._good()[:1])
            _require_no_end(bench, trial, "The provider never answered")
            bench.require_nothing_left(trial)

    def test_unknown_is_only_what_was_written(self) -> None:
        """An outcome is unknown only where a request was written and no answer came."""
        with self._bench_without_connection() as bench:
            trial = bench.run(self._good()[:1])
            _require_no_end(bench, trial, "There was no connection to the provider")
        with self._bench() as bench:
            trial = bench.run(self._good()[:1], loses_answer=True)
            bench.require_one_outcome_each(trial)

    # The tests' means.

    def _good(self) -> list[Notification]:
        numbers = range(1, self.notification_count + 1)
        return [self.make_notification(number, self.address(number)) for number in numbers]

    def _numbered(self, addresses: Iterable[str], *, first: int) -> list[Notification]:
        return [
            self.make_notification(number, address)
            for number, address in enumerate(addresses, first)
        ]

    def _with_odd_extra(self, number: int) -> Notification:
        notification = self.make_notification(number, self.address(1))
        notification.extra = ["no", "object"]
        return notification

    def _trials_with_quotes(self) -> Iterator[tuple[Trial, list[str]]]:
        """Yield calls of the handler, and the credentials of their HTTP requests."""
        good = self._good()
        quote = " ".join([*self.secrets, str(good[0].body)])
        for provider in self.quoting_providers(quote):
            with self._bench(provider) as bench:
                yield bench.run(good[:1]), _credentials(bench)
        with self._bench() as bench:
            yield bench.run(good, loses_answer=True), _credentials(bench)
        with self._bench_without_connection() as bench:
            yield bench.run(good), []

    @contextmanager
    def _bench(self, provider: AbstractContextManager[Provider] | None = None) -> Iterator[Bench]:
        with (
            provider or self.running_provider() as running,
            Wire(running) as wire,
            self._pointing_to(wire.host, wire.port),
        ):
            yield self._bench_of(wire, running.received)

    @contextmanager
    def _bench_of_silence(self) -> Iterator[Bench]:
        with Wire() as wire, self._pointing_to(wire.host, wire.port):
            yield self._bench_of(wire, list)

    @contextmanager
    def _bench_without_connection(self) -> Iterator[Bench]:
        with socket.socket() as unheard:  # bound, so that no other process gets the port
            unheard.bind((Wire.host, 0))
            with self._pointing_to(*unheard.getsockname()):
                yield self._bench_of(None, list)

    def _bench_of(self, wire: Wire | None, received: Callable[[], Iterable[str]]) -> Bench:
        return Bench(
            deliver=self.deliver,
            wire=wire,
            received=received,
            seconds=self.longest_call_seconds,
            provider_knows_repeats=self.provider_knows_repeats,
        )

    @contextmanager
    def _pointing_to(self, host: str, port: int) -> Iterator[None]:
        """Point the handler to a port, and let its messages go there."""
        wanted = dict(self.settings_for(host, port))
        engine = wanted.get("NOTIFICATION_SYSTEM", getattr(settings, "NOTIFICATION_SYSTEM", {}))
        wanted["NOTIFICATION_SYSTEM"] = {**engine, "OVERRIDE_RECIPIENTS": None}
        add_outbox_hook(_past_the_outbox)
        try:
            with override_settings(**wanted):
                yield
        finally:
            remove_outbox_hook(_past_the_outbox)


def _past_the_outbox(deliver: Deliver, target: NotificationTarget) -> Deliver:
    """Undo a test's outbox: the newest hook counts."""
    return deliver


def _mixed(*lists: Sequence[Notification]) -> list[Notification]:
    """Return the notifications of some lists by turns."""
    turns = chain.from_iterable(zip_longest(*lists))
    return [notification for notification in turns if notification is not None]


def _require_no_end(bench: Bench, trial: Trial, why: str) -> None:
    """Require an outcome that neither delivers nor gives up, or ``TargetUnavailable``."""
    bench.require_end(trial)
    if trial.unavailable is not None:
        return
    bench.require_one_outcome_each(trial)
    for notification in trial.notifications:
        kind = kind_in(trial, notification)
        require(
            kind in (OutcomeKind.RETRY, OutcomeKind.UNKNOWN),
            f"{why}, and the outcome of {name(notification)} is {said(kind)}. Yield"
            " Outcome.retry(…, unreachable=True) where nothing was written, else"
            " Outcome.unknown().",
        )


def _credentials(bench: Bench) -> list[str]:
    written = bytes(bench.wire.written) if bench.wire is not None else b""
    return sorted({found.decode("latin-1") for found in CREDENTIALS.findall(written)})


def _texts(trial: Trial) -> Iterator[tuple[str, str]]:
    """Yield the places where people read, and the texts there."""
    for outcome in trial.outcomes:
        if isinstance(outcome, Outcome):
            yield f"The response of {name(outcome.notification)}", outcome.response
    for error in (trial.unavailable, trial.error):
        if error is not None:
            yield f"The text of {type(error).__name__}", one_line(error)
    for line in trial.logged:
        yield "A log record", line
