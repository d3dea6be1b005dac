"""Traces: a span for each batch and call, with the real SDK, and what a collector gets of them."""

import http.server
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from django_notification_system.contrib.opentelemetry import tracing
from django_notification_system.models import NotificationOptOut, TargetUserRecord
from django_notification_system.notification_handlers import email as email_handler
from django_notification_system.notification_handlers.twilio import sending as twilio_handler
from django_notification_system.observing import observers
from django_notification_system.testing.providers import Answer, ProviderStandIn
from django_notification_system.testing.smtp import SmtpStandIn
from tests.conftest import ADDRESSES, MakeDue
from tests.support.email_support import run

OWN = "django_notification_system"
TITLE, BODY = "The title that nobody may see", "the body that nobody may see"

Trace = Callable[[SpanExporter], TracerProvider]


@pytest.fixture
def trace_to() -> Iterator[Trace]:
    """A function that lets an exporter have all spans."""
    added: list[tracing.Tracing] = []
    providers: list[TracerProvider] = []

    def begin(exporter: SpanExporter) -> TracerProvider:
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        providers.append(provider)
        added.append(tracing.Tracing(provider))
        observers.add_observer(added[-1])
        return provider

    yield begin
    for observer in added:
        observers.remove_observer(observer)
        # What is left over would stay for as long as the process.
        assert not observer._batches
        assert not observer._calls
        assert not observer._span_of_notification
    for provider in providers:
        provider.shutdown()


class Spans:
    """The spans that have ended."""

    def __init__(self, exporter: InMemorySpanExporter, provider: TracerProvider) -> None:
        self._exporter = exporter
        self.tracer = provider.get_tracer("the project")

    def of(self, kind: SpanKind) -> list[ReadableSpan]:
        return [span for span in self.all() if span.kind is kind]

    def all(self) -> list[ReadableSpan]:
        return list(self._exporter.get_finished_spans())

    @property
    def batches(self) -> list[ReadableSpan]:
        return self.of(SpanKind.CONSUMER)

    @property
    def calls(self) -> list[ReadableSpan]:
        return self.of(SpanKind.CLIENT)


@pytest.fixture
def spans(trace_to: Trace) -> Spans:
    exporter = InMemorySpanExporter()
    return Spans(exporter, trace_to(exporter))


def parent_of(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return span.context.span_id


def attributes_of(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


def test_calls_are_below_their_batch_though_threads_make_them(
    email: TargetUserRecord, make_due: MakeDue, mail_server: SmtpStandIn, spans: Spans
) -> None:
    keys = {str(make_due(email, title=f"{number}").pk) for number in range(12)}
    run()
    (batch,) = spans.batches
    assert batch.name == "deliver Email"
    assert batch.parent is None
    assert batch.status.status_code is StatusCode.UNSET
    attributes = attributes_of(batch)
    assert attributes.pop(f"{OWN}.batch_token")
    assert attributes == {
        "messaging.system": OWN,
        "messaging.operation.name": "deliver",
        "messaging.operation.type": "process",
        "messaging.destination.name": "Email",
        "messaging.batch.message_count": 12,
        f"{OWN}.outcomes.delivered": 12,
    }
    assert len(spans.calls) == 12
    sent = set()
    for call in spans.calls:
        assert call.name == "send Email"
        assert parent_of(call) == id_of(batch)
        assert call.status.status_code is StatusCode.UNSET
        attributes = attributes_of(call)
        sent.update(attributes.pop(f"{OWN}.notification_ids"))
        assert attributes == {
            "messaging.system": "email",
            "messaging.operation.name": "send",
            "messaging.operation.type": "send",
            "messaging.destination.name": "Email",
            "server.address": mail_server.host,
            "server.port": mail_server.port,
        }
        assert batch.start_time <= call.start_time <= call.end_time <= batch.end_time  # type: ignore[operator]
    assert sent == keys


def test_a_request_with_many_messages_is_one_call(
    records: dict[str, TargetUserRecord],
    make_due: MakeDue,
    providers: ProviderStandIn,
    spans: Spans,
) -> None:
    for number in range(3):
        make_due(records["Expo"], title=f"{number}")
    make_due(records["Twilio"])
    run()
    assert {span.name: parent_of(span) for span in spans.calls} == {
        "send Expo": id_of(batch_of("Expo", spans)),
        "send Twilio": id_of(batch_of("Twilio", spans)),
    }
    (request,) = (span for span in spans.calls if span.name == "send Expo")
    attributes = attributes_of(request)
    assert attributes["messaging.batch.message_count"] == 3
    assert len(attributes[f"{OWN}.notification_ids"]) == 3
    assert attributes["server.address"] == "127.0.0.1"


def batch_of(target: str, spans: Spans) -> ReadableSpan:
    (batch,) = (span for span in spans.batches if span.name == f"deliver {target}")
    return batch


def test_a_request_with_messages_of_two_batches_is_linked_to_both(
    records: dict[str, TargetUserRecord],
    make_due: MakeDue,
    providers: ProviderStandIn,
    settings: Any,
    spans: Spans,
) -> None:
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 2}
    for number in range(4):
        make_due(records["Expo"], title=f"{number}")
    run()
    first, second = sorted(spans.batches, key=lambda span: span.start_time or 0)
    (request,) = spans.calls
    assert parent_of(request) == id_of(first)
    assert [link.context.span_id for link in request.links] == [id_of(second)]


def test_a_batch_is_below_what_the_run_is_in(
    loft: TargetUserRecord, make_due: MakeDue, spans: Spans
) -> None:
    make_due(loft)
    with spans.tracer.start_as_current_span("a task of the project's"):
        run()
    (task,) = spans.of(SpanKind.INTERNAL)
    assert [parent_of(batch) for batch in spans.batches] == [id_of(task)]


def test_what_is_sent_outside_a_run_has_its_spans_too(
    email: TargetUserRecord, make_due: MakeDue, mail_server: SmtpStandIn, spans: Spans
) -> None:
    with spans.tracer.start_as_current_span("a request"):
        email_handler.send_notification(make_due(email))
    (request,) = spans.of(SpanKind.INTERNAL)
    (batch,), (call,) = spans.batches, spans.calls
    assert (parent_of(batch), parent_of(call)) == (id_of(request), id_of(batch))
    assert attributes_of(batch)[f"{OWN}.outcomes.delivered"] == 1


def test_the_call_is_current_for_what_traces_requests(
    user: Any, settings: Any, make_due: MakeDue, spans: Spans, loft: TargetUserRecord
) -> None:
    from tests.support.handlers import old

    old_target = loft.target
    old_target.notification_module_name = "old"
    old_target.save()
    seen: list[Any] = []
    before = old.send_notification

    def send(notification: Any) -> Any:
        seen.append(trace.get_current_span().get_span_context().span_id)
        return before(notification)

    old.send_notification = send
    try:
        make_due(loft)
        run()
    finally:
        old.send_notification = before
    assert seen == [id_of(call) for call in spans.calls]
    assert attributes_of(spans.calls[0])["messaging.system"] == "old"
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_failures_say_which_kind_and_nothing_of_the_message(
    records: dict[str, TargetUserRecord],
    make_due: MakeDue,
    providers: ProviderStandIn,
    mail_server: SmtpStandIn,
    spans: Spans,
) -> None:
    mail_server.answer("RCPT", f"550 5.1.1 <{ADDRESSES['Email']}> is unknown: {BODY}")
    said = {"code": 21211, "message": f"{ADDRESSES['Twilio']} is invalid: {BODY}", "status": 400}
    providers.answers.append(Answer(status=400, json=said))
    notifications = {
        name: make_due(records[name], title=TITLE, body=BODY) for name in ("Email", "Twilio")
    }
    run()
    errors = {span.name: attributes_of(span)["error.type"] for span in spans.calls}
    assert errors == {
        "send Email": "smtplib.SMTPRecipientsRefused",
        "send Twilio": "twilio.base.exceptions.TwilioRestException",
    }
    for span in spans.calls:
        assert span.status.status_code is StatusCode.ERROR
    for name, notification in notifications.items():
        (event,) = batch_of(name, spans).events
        assert dict(event.attributes or {}) == {
            f"{OWN}.notification_id": str(notification.pk),
            f"{OWN}.outcome": "inactive",
            f"{OWN}.failed_attempts": 0,
        }
    everything = "".join(span.to_json() for span in spans.all())
    for secret in (TITLE, BODY, *ADDRESSES.values(), "planted-auth-token", "egg"):
        assert secret not in everything


def test_a_target_that_cannot_be_used_fails_its_batch(
    records: dict[str, TargetUserRecord],
    make_due: MakeDue,
    providers: ProviderStandIn,
    spans: Spans,
) -> None:
    said = {"code": 20003, "message": "Authenticate", "status": 401}
    providers.answers.append(Answer(status=401, json=said))
    make_due(records["Twilio"])
    run()
    (batch,), (call,) = spans.batches, spans.calls
    assert attributes_of(batch)["error.type"] == "target_unavailable"
    assert batch.status.status_code is call.status.status_code is StatusCode.ERROR
    assert batch.status.description is None


def test_a_target_that_cannot_be_used_fails_what_is_sent_outside_a_run(
    records: dict[str, TargetUserRecord],
    make_due: MakeDue,
    providers: ProviderStandIn,
    settings: Any,
    spans: Spans,
) -> None:
    from django_notification_system.exceptions import TargetUnavailable

    settings.NOTIFICATION_SYSTEM_TARGETS["twilio_sms"]["auth_token"] = ""
    with pytest.raises(TargetUnavailable):
        twilio_handler.send_notification(make_due(records["Twilio"]))
    (batch,) = spans.batches
    assert attributes_of(batch)["error.type"] == "target_unavailable"


def test_what_is_not_attempted_is_in_the_batch_and_is_no_call(
    email: TargetUserRecord, user: Any, make_due: MakeDue, spans: Spans
) -> None:
    make_due(email, title="late", expires_at=timezone.now() - timedelta(minutes=1))
    run()
    NotificationOptOut.objects.bulk_create([NotificationOptOut(user=user, active=True)])
    make_due(email)
    run()
    assert spans.calls == []
    outcomes = [
        {name: value for name, value in attributes_of(batch).items() if "outcomes" in name}
        for batch in spans.batches
    ]
    assert outcomes == [{f"{OWN}.outcomes.expired": 1}, {f"{OWN}.outcomes.opted_out": 1}]


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_lanes_in_threads_have_their_spans(
    records: dict[str, TargetUserRecord],
    make_due: MakeDue,
    providers: ProviderStandIn,
    mail_server: SmtpStandIn,
    settings: Any,
    spans: Spans,
) -> None:
    settings.NOTIFICATION_SYSTEM = {"BATCH_SIZE": 4, "RECORD_EVERY": 1}
    for record in records.values():
        for number in range(10):
            make_due(record, title=f"{number}")
    run()
    assert sum(attributes_of(each)[f"{OWN}.outcomes.delivered"] for each in spans.batches) == 30
    batches = {id_of(batch): batch for batch in spans.batches}
    for call in spans.calls:
        batch = batches[parent_of(call) or 0]
        assert call.name.removeprefix("send ") == batch.name.removeprefix("deliver ")


def test_nothing_is_traced_by_a_tracer_that_is_not_set_up(
    loft: TargetUserRecord, make_due: MakeDue
) -> None:
    from django.conf import settings

    apps = [*settings.INSTALLED_APPS, "django_notification_system.contrib.opentelemetry"]
    try:
        with override_settings(INSTALLED_APPS=apps):
            assert tracing.tracing in observers._observers
            notification = make_due(loft)
            run()
    finally:
        observers.remove_observer(tracing.tracing)
    notification.refresh_from_db()
    assert notification.status == "DELIVERED"
    assert not tracing.tracing._batches


class Collector(http.server.BaseHTTPRequestHandler):
    requests: list[ExportTraceServiceRequest]

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"]))
        self.requests.append(ExportTraceServiceRequest.FromString(content))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


def test_a_collector_gets_the_spans(
    loft: TargetUserRecord,
    email: TargetUserRecord,
    make_due: MakeDue,
    mail_server: SmtpStandIn,
    trace_to: Trace,
) -> None:
    handler = type("OneTests", (Collector,), {"requests": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = f"http://127.0.0.1:{server.server_address[1]}/v1/traces"
        provider = trace_to(OTLPSpanExporter(address, timeout=5))
        make_due(email, title=TITLE, body=BODY)
        run()
        provider.force_flush()
        server.shutdown()
        thread.join()
    received = [
        span
        for request in handler.requests
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
        if scope.scope.name == OWN
    ]
    call, batch = sorted(received, key=lambda span: span.name, reverse=True)
    assert (batch.name, call.name) == ("deliver Email", "send Email")
    assert call.parent_span_id == batch.span_id
    assert call.trace_id == batch.trace_id
    assert BODY not in str(received)
