"""Receivers' records: which URLs may be; secrets are made, rotated, retired, and shown once."""

import logging
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from django_notification_system.models import NotificationTarget, TargetUserRecord
from django_notification_system.models.details import short_address
from django_notification_system.notification_handlers.webhook.endpoint import (
    MOST_SECRETS,
    UnusableEndpoint,
    check_secret,
    checked_url,
    endpoint_of,
    make_secret,
)
from django_notification_system.notification_handlers.webhook.records import add_webhook
from tests.support.webhook_support import SECRET

URL = "https://hooks.example.com/in?key=planted"


def command(*arguments: str, **options: Any) -> tuple[str, str]:
    output, errors = StringIO(), StringIO()
    call_command("webhook_secret", *arguments, stdout=output, stderr=errors, **options)
    return output.getvalue(), errors.getvalue()


def secrets_of(record: TargetUserRecord) -> list[str]:
    record.refresh_from_db()
    assert isinstance(record.details, dict)
    return list(record.details["secrets"])


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com:443/a/b?c=d&e=%20",
        "https://example.com:8443/",
        "https://xn--bcher-kva.example/",
        "https://a_b.example.com./",
        "https://1.1.1.1/",
        "https://[2606:4700:4700::1111]/",
    ],
)
def test_a_url_that_may_be(url: str) -> None:
    assert checked_url(url, allow_private=False).geturl() == url


REFUSED = [
    *("", "example.com", "http://example.com/", "ftp://example.com/", "https://", "https:///a"),
    *("https://example.com:80/", "https://example.com:444/", "https://example.com:99999/"),
    *("https://user@example.com/", "https://a:b@example.com/", "https://@example.com/"),
    *("https://127.0.0.1/", "https://localhost/", "https://LOCALHOST/", "https://a.localhost/"),
    *("https://10.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://db.internal/"),
    *("https://printer.local/", "https://169.254.169.254/latest/meta-data/", "https://[fd00::1]/"),
    *("https://example.com\\@10.0.0.1/", "https://exa mple.com/", "https://example.com/\n"),
    *("https://bücher.example/", "https://[::1", "javascript:alert(1)", "https://localhost./"),
    *("https://2130706433/", "https://127.1/", "https://0x7f.0.0.1/", "https://0x7f000001/"),
    *("https://0177.0.0.1/", "https://1.1.1.256/", "https://127.0.0.1%2f.example.com/"),
    *("https://%31.example.com/", "https://.../", "https://a..example.com/"),
    f"https://{'a.' * 130}example.com/",
    "https://example.com/" + "a" * 2000,
]


@pytest.mark.parametrize("url", REFUSED)
def test_a_url_that_may_not_be(url: str) -> None:
    with pytest.raises(UnusableEndpoint) as raised:
        checked_url(url, allow_private=False)
    assert len(url) < 9 or url not in str(raised.value)


@pytest.mark.parametrize("url", [None, 7, b"https://example.com/", ["https://example.com/"]])
def test_what_is_no_text_is_no_url(url: Any) -> None:
    with pytest.raises(UnusableEndpoint):
        checked_url(url, allow_private=True)


@pytest.mark.parametrize("url", ["http://localhost:8000/", "https://10.0.0.1:9000/"])
def test_inside_every_port_may_be(url: str) -> None:
    assert checked_url(url, allow_private=True).geturl() == url


@given(st.text() | st.text(alphabet="htps:/@[]1.0%\\?#").map("https://".__add__))
def test_any_text_is_a_url_or_refused(text: str) -> None:
    try:
        parts = checked_url(text, allow_private=False)
    except UnusableEndpoint:
        return
    assert parts.scheme == "https"
    assert parts.hostname
    assert parts.username is None


@pytest.mark.parametrize(
    "details",
    [
        *(None, {}, [], "url", {"url": URL}, {"url": URL, "secrets": []}),
        *({"url": URL, "secrets": SECRET}, {"url": URL, "secrets": ["no secret"]}),
        *({"url": URL, "secrets": ["whsec_" + "YQ=="]}, {"url": URL, "secrets": ["whsec_ä"]}),
        *({"secrets": [SECRET]}, {"url": URL, "secrets": [SECRET] * (MOST_SECRETS + 1)}),
        {"url": URL, "secrets": [None]},
    ],
)
def test_details_without_an_endpoint_are_told_without_secrets(details: Any) -> None:
    with pytest.raises(UnusableEndpoint) as raised:
        endpoint_of(details, allow_private=False)
    assert "planted" not in str(raised.value)
    assert SECRET not in str(raised.value)


def test_an_endpoint_shows_its_host_alone() -> None:
    endpoint = endpoint_of({"url": URL, "secrets": [SECRET]}, allow_private=False)
    assert "hooks.example.com" in repr(endpoint)
    assert "planted" not in repr(endpoint)
    assert SECRET not in repr(endpoint)


def test_made_secrets_are_secrets_and_differ() -> None:
    made = {make_secret() for _ in range(20)}
    assert len(made) == 20
    for secret in made:
        check_secret(secret)


# The command


def test_a_record_is_made_with_a_secret_that_is_printed_once(
    user: Any, target: NotificationTarget, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    printed, said = command("make", URL, "--user", "egg", "--description", "Partner")
    record = TargetUserRecord.objects.get()
    assert (record.user, record.target, record.description) == (user, target, "Partner")
    assert record.target_user_id == short_address(URL)
    assert [printed] == [f"{secret}\n" for secret in secrets_of(record)]
    assert record.target_user_id in said
    assert printed.strip() not in said + caplog.text
    assert "planted" not in said + caplog.text
    with pytest.raises(CommandError, match="Rotate its secret"):
        command("make", URL, "--user", "egg")


def test_a_secret_is_rotated_and_the_old_ones_retired(user: Any, target: Any) -> None:
    record, first = add_webhook(user, URL)
    second = command("rotate", URL)[0].strip()
    third = command("rotate", record.target_user_id)[0].strip()
    assert secrets_of(record) == [third, second, first]
    assert command("retire", URL) == ("", "Retired 2 secrets.\n")
    assert secrets_of(record) == [third]
    assert command("retire", URL) == ("", "There is one secret only; nothing was retired.\n")
    record.refresh_from_db()
    assert record.details is not None
    assert record.details["url"] == URL


def test_no_more_secrets_than_a_header_takes(user: Any, target: Any) -> None:
    record, _ = add_webhook(user, URL)
    for _ in range(MOST_SECRETS - 1):
        command("rotate", URL)
    with pytest.raises(CommandError, match="Retire the old ones first"):
        command("rotate", URL)
    assert len(secrets_of(record)) == MOST_SECRETS


def test_a_receiver_of_two_users_needs_the_users_name(
    user: Any, target: Any, django_user_model: Any
) -> None:
    other = django_user_model.objects.create_user(username="ham")
    records = [add_webhook(each, URL)[0] for each in (user, other)]
    with pytest.raises(CommandError, match="More than one user"):
        command("rotate", URL)
    command("rotate", URL, "--user", "ham")
    assert [len(secrets_of(each)) for each in records] == [1, 2]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["make", URL], "Name the user"),
        (["make", URL, "--user", "nobody"], "There is no user"),
        (["make", "https://10.0.0.1/planted", "--user", "egg"], "machine. For receivers in your"),
        (["make", "http://10.0.0.1/planted", "--user", "egg"], "set 'allow_private' to True in"),
        (["make", "https://a.test:9/planted", "--user", "egg"], "The URL has another port"),
        (["make", "https://bücher.test/planted", "--user", "egg"], "Punycode, such as xn--"),
        (["make", URL, "--user", "egg", "--target", "Email"], "no single target"),
        (["rotate", "https://other.example.com/planted"], "No webhook's record"),
        (["retire", "sha256:planted"], "No webhook's record"),
    ],
)
def test_an_error_names_the_next_step_and_no_url(
    user: Any, target: Any, arguments: list[str], said: str
) -> None:
    with pytest.raises(CommandError, match=said) as raised:
        command(*arguments)
    assert "planted" not in str(raised.value)


def test_without_a_target_the_command_says_how_to_make_one(user: Any) -> None:
    with pytest.raises(CommandError, match=r"manage\.py add_target webhook"):
        command("make", URL, "--user", "egg")
    call_command("add_target", "webhook", verbosity=0)
    assert command("make", URL, "--user", "egg", verbosity=0)[1] == ""
    NotificationTarget.objects.create(name="Second", notification_module_name="webhook")
    with pytest.raises(CommandError, match="More than one target"):
        command("make", "https://example.com/", "--user", "egg")
    assert command("make", "https://example.com/", "--user", "egg", "--target", "Second")[0]
