"""No URL of a record reaches this machine or its network, and none of the settings this machine."""

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_notification_system.models import TargetUserRecord
from django_notification_system.notification_handlers.apprise.client import (
    load,
    open_service,
    send,
)
from django_notification_system.notification_handlers.apprise.service_url import (
    ANY_HOST,
    FIXED_HOST,
    LOCAL,
    UnusableUrl,
    service_url,
)
from django_notification_system.notification_handlers.apprise.settings import AppriseSettings

PLAIN = AppriseSettings()
#: Of the hosts that plugins name themselves.
TOP_LEVELS = {"com", "net", "org", "io", "cn", "co", "me", "us", "de", "sh", "gg"}
#: Forms of this machine, of its network, and of a host that the record's maker chooses.
HOSTS = [
    "127.0.0.1",
    "localhost",
    "localhost.localdomain",
    "[::1]",
    "0",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "[::ffff:127.0.0.1]",
    "10.0.0.1",
    "192.168.0.1",
    "169.254.169.254",
    "metadata.google.internal",
    "planted.com",
    "127.0.0.1:22",
    "user:word@127.0.0.1",
    "hooks.slack.com@127.0.0.1",
    "hooks.slack.com:22",
    "planted.com#.slack.com",
    "_",
    "-",
]
#: URLs of services with a host of their own, as their makers document them, and more.
GOOD = (
    "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general",
    "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
    "tgram://123456789:abcdefg_hijklmnop/12315544/",
    "pover://" + "u" * 30 + "@" + "a" * 30,
    "gchat://workspace/key/token",
    "wxteams://" + "a" * 80,
    "twist://password:user@planted.com/123:456",
    "ifttt://webhookid@event",
    "opsgenie://8b799edf-6f98-4d3a-9be7-2862fb4e5752",
    "signl4://secret",
)
NAMES = [
    "to",
    "from",
    "template",
    "avatar_url",
    "href",
    "url",
    "host",
    "smtp",
    "server",
    "proxy",
    "region",
    "format",
    "rto",
    "cto",
    "verify",
    "store",
    "+X-Planted",
    "-planted",
    ":planted",
    "image",
    "mode",
    "token",
    "webhook",
    "hook",
    "base",
    "endpoint",
]
#: Every schema that Apprise 2.3 knows begins one of these ways; most are neither.
SCHEMAS = sorted(
    LOCAL
    | ANY_HOST
    | FIXED_HOST
    | {
        "http",
        "https",
        "ftp",
        "gopher",
        "ntfy",
        "ntfys",
        "workflows",
        "gotify",
        "matrix",
        "mmost",
        "rocket",
        "xmpp",
        "irc",
        "growl",
        "apprise",
        "apprises",
        "hassio",
        "kodi",
        "emby",
        "nctalk",
        "rsyslog",
        "deltachat",
        "jellyfin",
        "signal",
        "synology",
        "splunk",
        "bark",
        "vapid",
        "lametric",
        "fcm",
        "ses",
        "sns",
    }
)

hosts = st.sampled_from(HOSTS)
words = st.one_of(hosts, st.text("aA1_-.%/:@?#&=+", max_size=12))
queries = st.dictionaries(st.sampled_from(NAMES), words, max_size=3).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs.items())
)
beginnings = st.one_of(
    st.builds("{}://{}".format, st.sampled_from(SCHEMAS), hosts),
    st.builds("{}://{}/{}".format, st.sampled_from(SCHEMAS), words, words),
    st.sampled_from(GOOD),
    st.builds("{}/{}".format, st.sampled_from(GOOD), words),
    st.builds("{}@{}".format, st.sampled_from(GOOD), hosts),
)
urls = st.builds("{}?{}".format, beginnings, queries).map(
    lambda url: url.upper() if len(url) % 7 == 0 else url
)


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The hosts that were looked up; none is found, and nobody is called."""
    found: list[str] = []

    def look_up(host: Any, *arguments: Any, **options: Any) -> Any:
        found.append(host.decode() if isinstance(host, bytes) else str(host))
        raise socket.gaierror(socket.EAI_NONAME, "not found")

    def call(*arguments: Any) -> Any:
        raise AssertionError(f"called {arguments[1:]}")

    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket.socket, "connect", call)
    load()
    return found


def reach(url: object) -> bool:
    """Send a message to a record's URL; return whether the URL was used."""
    record = TargetUserRecord(target_user_id="sha256:x", details={"url": url})
    try:
        service = open_service(service_url(record, PLAIN), PLAIN)
    except UnusableUrl:
        return False
    send(service, "Title", "Body", timeout=20)
    return True


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(url=urls)
def test_no_url_of_a_record_reaches_a_host_of_its_makers_choice(
    looked_up: list[str], url: str
) -> None:
    looked_up.clear()
    reach(url)
    for host in looked_up:
        assert "planted" not in host
        assert host.rpartition(".")[2] in TOP_LEVELS
        assert host not in HOSTS


def test_no_service_takes_its_host_from_a_records_url(looked_up: list[str]) -> None:
    token = "a1B2c3D4e5F6g7H8i9J0"
    for schema in sorted(FIXED_HOST):
        for host in ("planted.com", "127.0.0.1", "[::1]:22"):
            reach(f"{schema}://{host}/{token}/{token}/?to=planted.com")
            reach(f"{schema}://{token}:{token}@{host}/{token}")
    assert looked_up
    assert [host for host in looked_up if host.rpartition(".")[2] not in TOP_LEVELS] == []
    assert not any("planted" in host for host in looked_up)


def test_good_urls_of_records_reach_their_services(looked_up: list[str]) -> None:
    assert [url for url in GOOD if not reach(url)] == []
    assert {"hooks.slack.com", "discord.com", "api.telegram.org"} <= set(looked_up)


def test_many_recipients_in_a_url_hold_no_thread(
    looked_up: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("apprise.url.time.sleep", slept.append)
    recipients = "/".join(map(str, range(1000, 1040)))
    assert reach(f"tgram://123456789:abcdefg_hijklmnop/{recipients}")
    assert len(looked_up) == 40
    assert slept == []


@pytest.mark.parametrize("schema", sorted(LOCAL | ANY_HOST))
def test_a_schema_that_reaches_this_machine_is_refused_in_the_settings_too(schema: str) -> None:
    everything = AppriseSettings(schemas=sorted(LOCAL))
    for form in (
        f"{schema}://localhost/x",
        f"{schema.upper()}://x",
        f"{schema}://a:b@[::1]:1/?x=y",
    ):
        trusted = AppriseSettings(urls={"ops": form}, schemas=everything.schemas)
        with pytest.raises(UnusableUrl):
            service_url(TargetUserRecord(target_user_id="ops"), trusted)
