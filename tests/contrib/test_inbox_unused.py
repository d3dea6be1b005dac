"""A project that has neither inbox nor types pays for neither; one that uses neither, too."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django_notification_system.on_site import INBOX_APP
from tests.support.places import ROOT, TESTS
from tests.support.subprocesses import run_python


def price(*apps: str) -> Any:
    """Return what a project with further apps loads, stores and asks."""
    folder = TESTS / "support" / "projects"
    done = run_python("price.py", *apps, folder=folder, environment={"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert "Email Successfully Sent" in found["output"]
    return found


def test_without_inbox_and_types_nothing_is_loaded_stored_or_asked() -> None:
    with ThreadPoolExecutor(2) as both:
        without, unused = both.map(lambda apps: price(*apps), [(), (INBOX_APP,)])
    loaded = {name for name in without["modules"] if name.startswith("django_notification_system")}
    assert {name for name in loaded if "inbox" in name} == {
        "django_notification_system.notification_creators.inbox"  # reads the argument target
    }
    # What declares types is a project's to import.
    assert "django_notification_system.types" not in loaded
    assert not [name for name in without["tables"] if "inbox" in name]
    assert [name for name in unused["tables"] if "inbox" in name]
    assert not [sql for sql in without["statements"] if "inbox" in sql]
    assert unused["statements"] == without["statements"]
