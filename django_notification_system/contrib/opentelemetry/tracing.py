"""Spans for batches and calls, by OpenTelemetry's conventions for messaging.

The spans hold no address, no title, no text, and no words of a provider.

Source: https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/
"""

import uuid
from collections import Counter
from collections.abc import Sequence
from contextvars import Token
from dataclasses import dataclass, field
from typing import Any

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, StatusCode

from ... import __version__
from ...models import Notification, NotificationTarget
from ...observing.observers import Observer, WatchedCall, add_observer
from ...observing.outcome_name import outcome_of
from ...outcome import Outcome

SCHEMA = "https://opentelemetry.io/schemas/1.27.0"
#: ``messaging.system`` of a batch, and the prefix of this app's own attributes.
OWN = "django_notification_system"
#: ``error.type`` of a batch whose target cannot be used.
UNAVAILABLE = "target_unavailable"


@dataclass
class BatchAtWork:
    """A batch during its delivery.

    Attributes:
        span: The batch's span.
        keys: The keys of the batch's notifications.
        outcomes: The number of notifications by outcome.
    """

    span: Span
    keys: list[Any]
    outcomes: Counter[str] = field(default_factory=Counter)


class Tracing(Observer):
    """Makes a span for each batch and, below the batch's span, for each call to a provider.

    Calls are made in threads that do not know the batch, so a call's span finds its parent by the
    call's notifications.
    """

    def __init__(self, provider: trace.TracerProvider | None = None) -> None:
        self._tracer = trace.get_tracer(OWN, __version__, provider, SCHEMA)
        self._batches: dict[uuid.UUID, BatchAtWork] = {}
        self._span_of_notification: dict[Any, Span] = {}
        self._calls: dict[WatchedCall, tuple[Span, Token[Context]]] = {}

    def batch_began(
        self, target: NotificationTarget, token: uuid.UUID, notifications: Sequence[Notification]
    ) -> None:
        """Begin a batch's span below the run's current span."""
        if not notifications:
            return
        span = self._tracer.start_span(
            f"deliver {target.name}",
            kind=SpanKind.CONSUMER,
            attributes={
                "messaging.system": OWN,
                "messaging.operation.name": "deliver",
                "messaging.operation.type": "process",
                "messaging.destination.name": target.name,
                "messaging.batch.message_count": len(notifications),
                f"{OWN}.batch_token": str(token),
            },
        )
        keys = [notification.pk for notification in notifications]
        self._batches[token] = BatchAtWork(span, keys)
        self._span_of_notification.update(dict.fromkeys(keys, span))

    def recorded(
        self, target: NotificationTarget, token: uuid.UUID, outcomes: Sequence[Outcome]
    ) -> None:
        """Note the outcomes of attempts, and the attempts that did not deliver."""
        self._note(token, [outcome.notification for outcome in outcomes])

    def skipped(
        self, target: NotificationTarget, token: uuid.UUID, notifications: Sequence[Notification]
    ) -> None:
        """Note the notifications that were skipped."""
        self._note(token, notifications)

    def batch_ended(self, target: NotificationTarget, token: uuid.UUID, problem: str) -> None:
        """End a batch's span. The span has failed where the batch's target cannot be used."""
        batch = self._batches.pop(token, None)
        if batch is None:
            return
        for key in batch.keys:
            # Another run of this process may have claimed the notification meanwhile.
            if self._span_of_notification.get(key) is batch.span:
                del self._span_of_notification[key]
        for outcome, number in batch.outcomes.items():
            batch.span.set_attribute(f"{OWN}.outcomes.{outcome}", number)
        if problem:
            _fail(batch.span, UNAVAILABLE)
        batch.span.end()

    def call_began(self, call: WatchedCall) -> None:
        """Begin a call's span and make it current, for the instrumentation of HTTP requests."""
        parents = self._parents(call.notifications)
        span = self._tracer.start_span(
            f"send {call.target.name}",
            trace.set_span_in_context(parents[0]) if parents else None,
            kind=SpanKind.CLIENT,
            attributes=_attributes(call),
            links=[Link(parent.get_span_context()) for parent in parents[1:]],
        )
        token = context.attach(trace.set_span_in_context(span))
        self._calls[call] = (span, token)

    def call_ended(self, call: WatchedCall) -> None:
        """End a call's span."""
        span, token = self._calls.pop(call)
        context.detach(token)
        if call.error:
            _fail(span, call.error)
        span.end()

    def _note(self, token: uuid.UUID, notifications: Sequence[Notification]) -> None:
        batch = self._batches.get(token)
        if batch is None:
            return
        for notification in notifications:
            outcome = outcome_of(notification)
            batch.outcomes[outcome] += 1
            if notification.status != Notification.DELIVERED:
                attributes: dict[str, Any] = {
                    f"{OWN}.notification_id": str(notification.pk),
                    f"{OWN}.outcome": outcome,
                    f"{OWN}.failed_attempts": notification.retry_attempts,
                }
                batch.span.add_event("not delivered", attributes)

    def _parents(self, notifications: Sequence[Notification]) -> list[Span]:
        """Return the spans of the notifications' batches, without repetition."""
        spans = (self._span_of_notification.get(each.pk) for each in notifications)
        return list(dict.fromkeys(span for span in spans if span is not None))


def begin() -> None:
    """Trace the deliveries of this process from now on, with the project's tracer."""
    add_observer(tracing)


def _attributes(call: WatchedCall) -> dict[str, Any]:
    attributes: dict[str, Any] = {
        "messaging.system": call.system,
        "messaging.operation.name": "send",
        "messaging.operation.type": "send",
        "messaging.destination.name": call.target.name,
        f"{OWN}.notification_ids": [str(each.pk) for each in call.notifications],
    }
    if len(call.notifications) > 1:
        attributes["messaging.batch.message_count"] = len(call.notifications)
    if call.server:
        host, colon, port = call.server.rpartition(":")
        is_port = bool(colon) and port.isdecimal()
        attributes["server.address"] = host if is_port else call.server
        if is_port:
            attributes["server.port"] = int(port)
    return attributes


def _fail(span: Span, error: str) -> None:
    # Without a description: an exception's text may quote an address.
    span.set_status(StatusCode.ERROR)
    span.set_attribute("error.type", error)


tracing = Tracing()
