"""The pages on testing: their examples pass, and the failure that they show is the real one."""

import re
import shutil
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from django_notification_system import notify, testing
from django_notification_system.outcome import Outcome
from django_notification_system.testing import assert_notified, use_outbox
from django_notification_system.testing.contract import HandlerContract, Provider
from tests.settings import TEST_DATABASE
from tests.support.documentation import (
    DOCS,
    EXAMPLES,
    Records,
    assert_documented,
    reference,
    run_module,
)
from tests.support.entry_points import install_entry_points
from tests.support.mail_backends import HAS_MAILERS

CASES = (
    "test_breakfast.py",
    "test_breakfast_with_pytest.py",
    "test_breakfast_over_sockets.py",
)
#: They see what leaves, or what a task does.
WITHOUT_OUTBOX = [
    "test_breakfast_over_sockets.py",
    "test_password_reset.py",
    # From Django 6.1 on, MAILERS names the server.
    *([] if HAS_MAILERS else ["test_breakfast_at_microsoft_365.py"]),
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the examples as a project has them."""
    for name in CASES:
        shutil.copy(EXAMPLES / name, tmp_path)
    shutil.copy(EXAMPLES / "conftest_outbox.py", tmp_path / "conftest.py")
    install_entry_points(tmp_path)
    return tmp_path


def test_examples_pass_under_pytest(project: Path) -> None:
    # By itself a stand-in for a provider sees nothing where an outbox is on for every test.
    (project / "test_breakfast_over_sockets.py").unlink()
    said = run_module(project, "pytest", "-q", "-p", "no:cacheprovider", "--setup-show")
    assert "5 passed" in said
    assert said.count("no_notification_leaves") == 15  # set up and torn down, and named by the test


def test_examples_without_an_outbox_for_every_test_pass_under_pytest(tmp_path: Path) -> None:
    install_entry_points(tmp_path)
    for name in WITHOUT_OUTBOX:
        shutil.copy(EXAMPLES / name, tmp_path)
    said = run_module(tmp_path, "pytest", "-v", "-p", "no:cacheprovider")
    for name in WITHOUT_OUTBOX:
        assert re.search(rf"^{name}::\S+ PASSED", said, re.MULTILINE), name
    assert f"{len(WITHOUT_OUTBOX)} passed" in said


@pytest.mark.skipif(TEST_DATABASE != "sqlite", reason="As under pytest on every database.")
def test_examples_pass_under_djangos_runner(project: Path) -> None:
    (project / "test_breakfast_with_pytest.py").unlink()
    assert "Ran 5 tests" in run_module(project, "django", "test")


def test_failure_of_an_assertion(records: Records, django_user_model: Any) -> None:
    user = records["Email"].user
    other = django_user_model.objects.create_user("ham", "ham@example.com")
    other.notification_target_user_records.create(
        target=records["Email"].target, target_user_id="ham@example.com"
    )
    with use_outbox() as outbox:
        outbox.fail_next("Twilio", "No such number.", deactivate_record=True)
        notify(user, "Breakfast", "It is ready.", target=["Twilio", "Expo"])
        notify(other, "Breakfast", "It is ready.")
        outbox.deliver()
        notify(user, "Breakfast", "It is ready.", target="Email")
        with pytest.raises(AssertionError) as failed:
            assert_notified(user, target="Email", title="Breakfast")
    assert_documented(f"AssertionError: {failed.value}\n", "assertion_failed")


def test_failure_of_a_contract() -> None:
    class TestPigeon(HandlerContract):
        handler = "carrier_pigeon"

        def deliver(self, notifications: Any) -> Any:
            for notification in notifications:
                if notification.title != "Message 3":
                    yield Outcome.retry(notification, "A hawk was about.")

        def running_provider(self) -> Any:
            return nullcontext(Provider(port=1, received=list))

        def settings_for(self, host: str, port: int) -> dict[str, Any]:
            return {}

        def address(self, number: int) -> str:
            return "north tower"

    with pytest.raises(AssertionError) as failed:
        TestPigeon().test_each_notification_has_one_outcome()
    assert_documented(f"AssertionError: {failed.value}\n", "contract_failed")


def test_reference_has_all_that_the_package_offers() -> None:
    text = (DOCS / "reference" / "testing.rst").read_text()
    assert {name for name in testing.__all__ if f":: {name}\n" not in text} == set()
    public = [name for name in vars(testing.Outbox) if not name.startswith("_")]
    assert set(public) - {"hook"} <= set(text.replace(",", " ").split())
    assert "notification_outbox" in reference()
