"""What the pages about Django's Tasks and about sending on commit show."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from django_notification_system import checks, conf
from django_notification_system.contrib import tasks
from django_notification_system.models import TargetUserRecord
from tests.conftest import MakeDue
from tests.settings import TEST_DATABASE
from tests.support.documentation import (
    EXAMPLES,
    assert_documented,
    run_command,
    run_example,
    run_module,
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


@pytest.mark.skipif(TEST_DATABASE != "sqlite", reason="It is the same on every database.")
def test_the_documented_test_passes(tmp_path: Path) -> None:
    shutil.copy(EXAMPLES / "test_password_reset.py", tmp_path)
    assert "1 passed" in run_module(tmp_path, "pytest", "-q", "-p", "no:cacheprovider")


def test_output_of_handing_over(loft: TargetUserRecord, make_due: MakeDue, settings: Any) -> None:
    settings.TASKS = IMMEDIATE
    settings.NOTIFICATION_SYSTEM = {"ENGINE": tasks.__name__}
    for title in ("eggs", "ham"):
        make_due(loft, title=title)
    assert_documented(run_command("hand_over_notifications"), "hand_over")
