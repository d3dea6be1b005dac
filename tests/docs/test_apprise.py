"""The page about Apprise: settings that pass the checks, and examples that send."""

from typing import Any

from django.core.management import call_command

from django_notification_system.checks import check_settings
from django_notification_system.models import TargetUserRecord
from django_notification_system.testing.exchange import Answer
from django_notification_system.testing.providers import ProviderStandIn
from tests.support.apprise_support import configure, url_of
from tests.support.documentation import run_example


def test_the_settings_pass_and_the_examples_send(user: Any, settings: Any) -> None:
    written = run_example("apprise_settings.py")["NOTIFICATION_SYSTEM_TARGETS"]
    settings.NOTIFICATION_SYSTEM_TARGETS = written
    assert check_settings() == []
    call_command("add_target", "apprise", verbosity=0)
    run_example("apprise_record.py")
    [record] = TargetUserRecord.objects.filter(target__name="Apprise")
    assert record.details["url"].startswith("discord://")
    record.delete()
    with ProviderStandIn() as stand_in:
        stand_in.on_request = lambda request: Answer(status=200)
        configure(settings, urls={"ops": url_of(stand_in)}, schemas=["json"])
        run_example("send_apprise.py")
        call_command("process_notifications", verbosity=0)
        [request] = stand_in.requests
    assert "The oven is cold" in request.body.decode()
