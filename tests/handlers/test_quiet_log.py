"""A session may keep the paths of its requests out of urllib3's log."""

import logging
from collections.abc import Iterator

import pytest

from django_notification_system.notification_handlers.http.session import open_session
from django_notification_system.testing.providers import ProviderStandIn


@pytest.fixture(scope="module")
def stand_in() -> Iterator[ProviderStandIn]:
    with ProviderStandIn() as stand_in:
        yield stand_in


def logged(stand_in: ProviderStandIn, caplog: pytest.LogCaptureFixture, *, hides: bool) -> str:
    caplog.clear()
    with (
        caplog.at_level(logging.DEBUG, logger="urllib3"),
        open_session(1, hides_addresses=hides) as session,
    ):
        session.post(f"{stand_in.url}/planted%2f/?token=planted", timeout=5)
    return caplog.text


def test_the_paths_of_secret_addresses_are_hidden_and_no_others(
    stand_in: ProviderStandIn, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        hidden = logged(stand_in, caplog, hides=True)
        assert "planted" not in hidden
        assert '"POST /*** HTTP/1.1" 404' in hidden
        assert "/planted%2F/?token=planted" in logged(stand_in, caplog, hides=False)


def test_an_error_ends_the_hiding(
    stand_in: ProviderStandIn, caplog: pytest.LogCaptureFixture
) -> None:
    with open_session(1, hides_addresses=True) as session, pytest.raises(OSError):  # noqa: PT011
        session.post("http://127.0.0.1:1/planted", timeout=5)
    assert "planted" in logged(stand_in, caplog, hides=False)
