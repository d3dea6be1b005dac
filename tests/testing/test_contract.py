"""A good handler keeps the contract, and each broken handler fails the clause that it breaks."""

import threading
import unittest
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import SimpleTestCase

from django_notification_system.testing import use_outbox
from django_notification_system.testing.bench import require
from django_notification_system.testing.contract import HandlerContract, Provider
from django_notification_system.testing.quoting import quoting_provider
from tests.support.broken_handlers import (
    BROKEN,
    Deliver,
    PostContract,
    contract_of,
    forgets_one,
    good,
    has_no_timeout,
    left,
)


@pytest.fixture(autouse=True)
def ends_what_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    # What is left stays for good, so there is no need to wait long for it.
    monkeypatch.setattr("django_notification_system.testing.bench.LEAVE_SECONDS", 0.5)
    yield
    for each in left:
        for name in ("set", "close", "shutdown"):
            getattr(each, name, lambda: None)()
    left.clear()


class TestGoodHandler(PostContract):
    """The contract as pytest takes it, without a database."""

    function = staticmethod(good)


@pytest.mark.parametrize(
    ("clause", "deliver", "said"),
    [
        pytest.param(clause, deliver, said, id=getattr(deliver, "__name__", type(deliver).__name__))
        for clause, cases in BROKEN.items()
        for deliver, said in cases
    ],
)
def test_a_broken_handler_fails(clause: str, deliver: Deliver, said: str) -> None:
    seconds = 1 if deliver is has_no_timeout else PostContract.longest_call_seconds
    contract = contract_of(deliver, longest_call_seconds=seconds)
    with pytest.raises(AssertionError, match=said):
        getattr(contract, clause)()


def test_each_clause_is_seen_to_fail() -> None:
    clauses = {name for name in vars(HandlerContract) if name.startswith("test_")}
    assert set(BROKEN) == clauses


def test_unittest_takes_the_contract() -> None:
    class Case(PostContract, SimpleTestCase):
        function = staticmethod(good)

    class Broken(PostContract, SimpleTestCase):
        function = staticmethod(forgets_one)

    load = unittest.defaultTestLoader.loadTestsFromTestCase
    result = unittest.TestResult()
    load(Case).run(result)
    assert (result.testsRun, result.failures, result.errors) == (len(BROKEN), [], [])
    Broken("test_each_notification_has_one_outcome").run(result)
    assert any("has 0 outcomes" in trace for _, trace in result.failures)


def test_an_outbox_and_a_redirect_are_out_of_the_way(settings: Any) -> None:
    settings.NOTIFICATION_SYSTEM = {"OVERRIDE_RECIPIENTS": "all@example.com"}
    settings.NOTIFICATION_SYSTEM_HANDLERS = ["tests.support.handlers"]

    class Contract(PostContract):
        handler = "loft"
        deliver = HandlerContract.deliver

    with use_outbox() as outbox, pytest.raises(AssertionError, match="has not taken it"):
        Contract().test_each_notification_has_one_outcome()
    assert len(outbox) == 0


def test_a_contract_without_its_parts_says_what_is_missing() -> None:
    class Contract(HandlerContract):
        handler = "post"
        malformed_addresses = ("nowhere",)

    with pytest.raises(NotImplementedError, match=r"Contract needs running_provider\(self\)"):
        Contract().test_each_notification_has_one_outcome()


def test_a_failed_test_leaves_no_thread_of_the_quoting_provider() -> None:
    before = set(threading.enumerate())
    with pytest.raises(AssertionError), quoting_provider("a secret", 400):
        require(False, "The test has failed.")
    for thread in set(threading.enumerate()) - before:
        thread.join(60)
        assert not thread.is_alive()


def test_a_stand_in_that_tells_too_late_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    # No answer is lost, as the stand-in never tells of a message: the wait is in vain.
    monkeypatch.setattr("django_notification_system.testing.bench.ALONE_SECONDS", 0.1)

    class Late(PostContract):
        function = staticmethod(good)

        @contextmanager
        def running_provider(self) -> Iterator[Provider]:
            with super().running_provider() as provider:
                yield Provider(port=provider.port, received=list)

    with pytest.raises(AssertionError, match=r"received\(\) of the stand-in tells"):
        Late().test_a_send_that_fails_spoils_no_other()
