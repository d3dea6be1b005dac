"""A target of the project's own with the inbox's name is told at start."""

from pathlib import Path
from typing import Any

import pytest

from django_notification_system.contrib.inbox.checks import check_handler, check_targets
from django_notification_system.models import NotificationTarget
from django_notification_system.on_site import INBOX_APP


def test_a_handler_with_the_inboxs_name_is_told(settings: Any, tmp_path: Path) -> None:
    settings.NOTIFICATION_SYSTEM_HANDLERS = [str(tmp_path)]
    assert check_handler() == []
    (tmp_path / "inbox.py").write_text("def send_notification(notification):\n    return 'Sent'\n")
    [message] = check_handler()
    assert str(tmp_path / "inbox.py") in message.msg
    assert message.id == "django_notification_system_inbox.W001"
    assert "Rename the module" in (message.hint or "")
    settings.INSTALLED_APPS = [each for each in settings.INSTALLED_APPS if each != INBOX_APP]
    assert check_handler() == []


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "module"), [("Inbox", "loft"), ("Loft", "inbox")])
def test_a_target_with_the_inboxs_name_is_told(name: str, module: str) -> None:
    assert check_targets(databases=["default"]) == []
    NotificationTarget.objects.create(name=name, notification_module_name=module)
    [message] = check_targets(databases=["default"])
    assert repr(name) in message.msg
    assert message.id == "django_notification_system_inbox.W002"
    assert check_targets() == []  # without --database
