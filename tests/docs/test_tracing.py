"""The pages about traces name what there is, and their examples work."""

import re
from datetime import timedelta
from typing import Any

from django.conf import settings as project_settings
from django.core.checks import run_checks
from django.test import override_settings
from django.utils import timezone
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from django_notification_system.contrib.opentelemetry import tracing
from django_notification_system.models import TargetUserRecord
from django_notification_system.observing import observers, outcome_name
from django_notification_system.testing.providers import Answer, ProviderStandIn
from django_notification_system.testing.smtp import SmtpStandIn
from tests.conftest import MakeDue
from tests.support.documentation import DOCS, EXAMPLES, run_example
from tests.support.email_support import run

PAGE = DOCS / "reference" / "tracing.rst"
OUTCOMES = "django_notification_system.outcomes."


def test_reference_has_every_attribute_and_no_other(
    records: dict[str, TargetUserRecord],
    make_due: MakeDue,
    providers: ProviderStandIn,
    mail_server: SmtpStandIn,
) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    observer = tracing.Tracing(provider)
    observers.add_observer(observer)
    try:
        said = {"code": 20003, "message": "Authenticate", "status": 401}
        providers.answers.append(Answer(status=401, json=said))
        make_due(records["Twilio"])
        run()
        for name in ("Email", "Expo", "Expo"):
            make_due(records[name], title=name * len(exporter.get_finished_spans()))
        make_due(records["Email"], title="late", expires_at=timezone.now() - timedelta(minutes=1))
        make_due(records["Expo"], title="Another")
        run()
    finally:
        observers.remove_observer(observer)
    names: set[str] = set()
    for span in exporter.get_finished_spans():
        names |= {*(span.attributes or {})}
        for event in span.events:
            names |= {*(event.attributes or {})}
    names = {OUTCOMES + "OUTCOME" if name.startswith(OUTCOMES) else name for name in names}
    text = PAGE.read_text()
    shown = set(
        re.findall(r"``((?:messaging|server|error|django_notification_system)\.[\w.]+)``", text)
    )
    assert shown - {"django_notification_system.contrib.opentelemetry"} == names
    outcomes = {*outcome_name.OUTCOMES.values(), outcome_name.OTHER_OUTCOME}
    assert {each for each in outcomes if f"``{each}``" not in text} == set()


def test_settings_for_traces_trace(settings: Any) -> None:
    apps = [*project_settings.INSTALLED_APPS, *run_example("tracing_settings.py")["INSTALLED_APPS"]]
    try:
        with override_settings(INSTALLED_APPS=list(dict.fromkeys(apps))):
            assert run_checks() == []
            assert tracing.tracing in observers._observers
    finally:
        observers.remove_observer(tracing.tracing)


def test_set_up_of_opentelemetry_makes_spans_that_are_recorded() -> None:
    # In a process of its own, as it is for the whole process.
    from tests.support.places import ROOT
    from tests.support.subprocesses import run_python

    code = (EXAMPLES / "tracing_set_up.py").read_text()
    code += "span = trace.get_tracer('x').start_span('y')\nprint(span.is_recording(), flush=True)\n"
    code += "provider.shutdown()\n"
    result = run_python("-c", code, folder=ROOT, environment={})
    assert result.stdout == "True\n", result.stderr
    assert trace.get_tracer_provider() is not None
