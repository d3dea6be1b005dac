"""What the pages about Django's Tasks and about sending on commit show."""

from typing import Any

from django_notification_system import checks, conf
from django_notification_system.contrib import tasks
from django_notification_system.models import TargetUserRecord
from tests.conftest import MakeDue
from tests.support.documentation import (
    assert_documented,
    run_command,
    run_example,
)
from tests.support.tasks_settings import IMMEDIATE


def test_the_documented_settings_give_email_a_queue_of_its_own(settings: Any) -> None:
    example = run_example("tasks_settings.py")
    settings.TASKS = example["TASKS"]
    settings.NOTIFICATION_SYSTEM = example["NOTIFICATION_SYSTEM"]
    assert checks.check_settings() == []
    assert [tasks.queue_of(name) for name in ("email", "expo")] == ["mail", "default"]


def test_the_documented_setting_sends_on_commit(settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = run_example("on_commit_settings.py")["NOTIFICATION_SYSTEM"]
    assert checks.check_settings() == []
    assert conf.engine_settings().dispatch == "on_commit"


def test_output_of_handing_over(loft: TargetUserRecord, make_due: MakeDue, settings: Any) -> None:
    settings.TASKS = IMMEDIATE
    settings.NOTIFICATION_SYSTEM = {"ENGINE": tasks.__name__}
    for title in ("eggs", "ham"):
        make_due(loft, title=title)
    assert_documented(run_command("hand_over_notifications"), "hand_over")
