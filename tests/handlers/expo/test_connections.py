"""How Expo is reached: addresses, tokens, and servers that are none."""

from pathlib import Path
from typing import Any

import pytest

from django_notification_system.models import TargetUserRecord
from django_notification_system.testing.providers import (
    ProviderStandIn,
)
from tests.conftest import MakeDue
from tests.support.expo_support import PATH, configure, statuses
from tests.support.provider_support import HOSTS_AND_PREFIXES, Process, provider_on_ipv6
from tests.support.runs import make_many


def test_the_access_token_goes_along_whatever_a_netrc_file_says(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    configure(settings, access_token="planted-access-token")
    make_due(record)

    process()

    [request] = providers.requests
    assert request.headers["authorization"] == "Bearer planted-access-token"


@pytest.mark.parametrize(("host", "prefix"), HOSTS_AND_PREFIXES)
def test_base_url_may_be_any_host_with_any_prefix(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    host: str,
    prefix: str,
) -> None:
    configure(settings, base_url=f"http://{host}:{providers.port}{prefix}")
    make_due(record)

    assert "Notification Successfully Pushed!" in process()

    assert providers.requests[0].path == prefix.rstrip("/") + PATH


def test_base_url_may_be_an_ipv6_address(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
) -> None:
    with provider_on_ipv6() as stand_in:
        configure(settings, base_url=stand_in.url)
        make_due(record)

        assert "Notification Successfully Pushed!" in process()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"base_url": "exp.host"}, "base_url in the target's settings is no web address"),
        ({"base_url": "ftp://127.0.0.1"}, "base_url in the target's settings is no web address"),
        ({"base_url": "http://[::1"}, "base_url in the target's settings is no web address"),
        ({"base_url": "http://127.0.0.1:99999999"}, "Correct the credentials and base_url"),
        ({"access_token": "planted\naccess-token"}, "Correct the credentials and base_url"),
    ],
)
def test_settings_that_make_no_request_stop_the_target_and_say_so(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    settings: Any,
    changes: dict[str, str],
    said: str,
) -> None:
    configure(settings, **changes)
    make_many(record, 3)

    output = process()

    assert said in output
    assert "access-token" not in output
    assert statuses() == {"SCHEDULED": 3}


def test_a_connection_that_is_never_made_is_no_attempt_even_where_unknown_would_fail(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    settings: Any,
) -> None:
    configure(settings, when_unknown="fail")
    providers.stop()
    make_many(record, 3)

    assert "Connection refused" in process()

    assert statuses() == {"SCHEDULED": 3}
