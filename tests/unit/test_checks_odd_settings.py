"""Whatever settings hold, the system checks report it and never raise; nor is a name misspelt."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import CheckMessage
from django.test import override_settings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from django_notification_system.checks import check_settings
from django_notification_system.conf import EngineSettings, RetryPolicy, TargetSettings
from django_notification_system.models import Notification, TargetUserRecord
from django_notification_system.setting_rules import rules_of
from django_notification_system.targets import built_in_keys, settings_class_of
from django_notification_system.testing.providers import ProviderStandIn
from tests.conftest import MakeDue

HUGE = 10**4400


class Evil:
    """What raises whatever is done with it."""

    def __repr__(self) -> str:
        raise RuntimeError("no")

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    __hash__ = object.__hash__


ODD: list[Any] = [
    "http://[::1",
    "http://a:99999/",
    "http://a:port/",
    "https://:443",
    "\x00",
    "\ud800",
    "x" * 5000,
    "/" + "x" * 5000,
    "..",
    "a..b",
    "9" * 5000 + "/s",
    "1/0.0000s",
    HUGE,
    -HUGE,
    float("nan"),
    float("inf"),
    1e300,
    b"bytes",
    object(),
    Evil(),
    {HUGE: HUGE},
    {Evil(): Evil()},
    {"email": Evil()},
    {None: None},
    [HUGE],
    [Evil()],
    [Path("x" * 5000)],
    lambda: None,
]


def found(**settings: Any) -> list[CheckMessage]:
    with override_settings(**settings):
        return check_settings()


def said(messages: list[CheckMessage]) -> str:
    return "\n".join(f"{message.id} {message.msg} {message.hint}" for message in messages)


@pytest.mark.parametrize("index", range(len(ODD)))
@pytest.mark.parametrize(
    "name",
    [
        "NOTIFICATION_SYSTEM",
        "NOTIFICATION_SYSTEM_TARGETS",
        "NOTIFICATION_SYSTEM_HANDLERS",
        "NOTIFICATION_SYSTEM_CREATORS",
    ],
)
def test_no_value_of_a_setting_makes_a_check_raise(name: str, index: int) -> None:
    value = ODD[index]
    for tried in (value, [value], {"email": value}):
        assert len(said(found(**{name: tried}))) < 3000
    assert found(**{name: value})


@pytest.mark.parametrize("index", range(len(ODD)))
def test_no_value_of_an_option_makes_a_check_raise(index: int) -> None:
    value = ODD[index]
    for key in built_in_keys():
        for option in rules_of(settings_class_of(key)):
            found(NOTIFICATION_SYSTEM_TARGETS={key: {option: value}})
    for option in rules_of(EngineSettings):
        found(NOTIFICATION_SYSTEM={option.upper(): value})
    for option in rules_of(RetryPolicy):
        found(NOTIFICATION_SYSTEM={"RETRY": {option: value}})


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)


@hypothesis_settings(deadline=None, max_examples=60)
@given(
    key=st.sampled_from(["email", "expo", "twilio_sms", "loft"]) | st.text(max_size=9),
    option=st.sampled_from(sorted(rules_of(EngineSettings))) | st.text(max_size=9),
    value=ANYTHING,
)
def test_nothing_makes_a_check_raise(key: str, option: str, value: Any) -> None:
    found(
        NOTIFICATION_SYSTEM_TARGETS={key: {option: value}},
        NOTIFICATION_SYSTEM={option.upper(): value},
        NOTIFICATION_SYSTEM_HANDLERS=value,
    )


@pytest.mark.parametrize(
    ("settings", "id_"),
    [
        ({"NOTIFICATION_SYSTEM_TARGETS": {"twilio_sms": {"callback_url": "http://[::1"}}}, "E003"),
        ({"NOTIFICATION_SYSTEM_TARGETS": {"expo": {"base_url": "http://[::1"}}}, "E003"),
        (
            {"NOTIFICATION_SYSTEM_TARGETS": {"twilio_sms": {"callback_url": "http://a:99999"}}},
            "E003",
        ),
        ({"NOTIFICATION_SYSTEM_TARGETS": {"expo": {"timeout": HUGE}}}, "E003"),
        ({"NOTIFICATION_SYSTEM_TARGETS": {"expo": {"timeout": float("nan")}}}, "E003"),
        ({"NOTIFICATION_SYSTEM_TARGETS": {"email": {"rate": "9" * 400 + "/s"}}}, "E003"),
        ({"NOTIFICATION_SYSTEM_TARGETS": {"email": {"rate": "0.000000001/d"}}}, "E003"),
        ({"NOTIFICATION_SYSTEM_TARGETS": {"email": {"receipts_after": HUGE}}}, "E003"),
        ({"NOTIFICATION_SYSTEM": {"LEASE_SECONDS": HUGE}}, "E003"),
        ({"NOTIFICATION_SYSTEM": {"PAUSE_SECONDS": HUGE}}, "E003"),
        ({"NOTIFICATION_SYSTEM": {"BATCH_SIZE": HUGE}}, "E003"),
        ({"NOTIFICATION_SYSTEM": {"PRIORITY_AGING": HUGE}}, "E003"),
        ({"NOTIFICATION_SYSTEM": {"RETRY": {"factor": HUGE}}}, "E008"),
        ({"NOTIFICATION_SYSTEM": {HUGE: 1}}, "W001"),
        ({"NOTIFICATION_SYSTEM_HANDLERS": ["x" * 5000]}, "E007"),
        ({"NOTIFICATION_SYSTEM_HANDLERS": ["./" + "x" * 5000]}, "E006"),
        ({"NOTIFICATION_SYSTEM_CREATORS": ["./a\x00b"]}, "E006"),
    ],
    ids=lambda value: str(type(value)),
)
def test_what_is_out_of_range_is_named(settings: dict[str, Any], id_: str) -> None:
    messages = found(**settings)
    assert [message.id for message in messages] == [f"django_notification_system.{id_}"]
    assert len(said(messages)) < 600


def test_what_cannot_be_read_at_all_is_an_error_too() -> None:
    class Broken(dict[str, Any]):
        def items(self) -> Any:
            raise RuntimeError("planted-secret")

    [message] = found(NOTIFICATION_SYSTEM_TARGETS=Broken(email={}))
    assert message.id == "django_notification_system.E013"
    assert "NOTIFICATION_SYSTEM_TARGETS cannot be checked: RuntimeError." in message.msg
    assert "planted-secret" not in said([message])


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("emial", "email"),
        ("Email", "email"),
        ("mail", "email"),
        ("twilio", "twilio_sms"),
        ("twillio_sms", "twilio_sms"),
        ("TWILIO_SMS", "twilio_sms"),
        ("sms", "twilio_sms"),
        ("Expo", "expo"),
        ("lfot", "loft"),
        ("whatsapp", "twilio_sms"),
        ("ms-teams", "apprise"),
    ],
)
def test_a_misspelt_target_is_noticed(key: str, meant: str) -> None:
    messages = found(
        NOTIFICATION_SYSTEM_TARGETS={key: {}},
        NOTIFICATION_SYSTEM_HANDLERS=["tests.support.handlers"],
    )
    assert [message.id for message in messages] == ["django_notification_system.W004"]
    assert f"Did you mean '{meant}'?" in said(messages)


@pytest.mark.parametrize(
    ("engine", "named"),
    [
        ({"OVERRIDE_RECIPIENTS": {"emial": "staging@example.com"}}, "['OVERRIDE_RECIPIENTS']"),
        ({"TASK_QUEUES": {"emial": "mail"}}, "['TASK_QUEUES']"),
    ],
)
def test_a_misspelt_target_is_noticed_wherever_targets_are_named(
    engine: dict[str, Any], named: str
) -> None:
    messages = found(NOTIFICATION_SYSTEM=engine)
    assert [message.id for message in messages] == ["django_notification_system.W004"]
    words = f"NOTIFICATION_SYSTEM{named}['emial'] belongs to no target; it is ignored."
    assert f"{words} Did you mean 'email'?" in said(messages)


def test_the_keys_of_a_projects_own_targets_are_in_order(tmp_path: Path) -> None:
    (tmp_path / "emails.py").write_text("def send_notification(notification): ...")
    targets = {
        "emails": {"anything": 5},
        "loft": {"towers": 2},
        "carrier_pigeon": {"loft": "north"},
    }
    locations = [str(tmp_path), "tests.support.handlers"]
    assert found(
        NOTIFICATION_SYSTEM_TARGETS=targets, NOTIFICATION_SYSTEM_HANDLERS=locations
    ) == []  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"NOTIFICATION_SYSTEM": {"BATCHSIZE": 5}},
            "has no option 'BATCHSIZE'; it is ignored. Did you mean 'BATCH_SIZE'?",
        ),
        ({"NOTIFICATION_SYSTEM": {"batch_size": 5}}, "Did you mean 'BATCH_SIZE'?"),
        (
            {"NOTIFICATION_SYSTEM": {"XYZ": 5}},
            "has no option 'XYZ'; it is ignored. The options are",
        ),
        (
            {"NOTIFICATION_SYSTEM_TARGETS": {"email": {"conections": 4}}},
            "['email'] has no option 'conections'; it is ignored. Did you mean 'connections'?",
        ),
        (
            {"NOTIFICATION_SYSTEM_TARGETS": {"pigeon": {"when_unkown": "fail"}}},
            "['pigeon'] has no option 'when_unkown'; it is ignored. Did you mean 'when_unknown'?",
        ),
        (
            {"NOTIFICATION_SYSTEM": {"RETRY": {"cieling": 5}}},
            "Did you mean 'ceiling'?",
        ),
    ],
)
def test_a_misspelt_option_is_noticed(settings: dict[str, Any], words: str) -> None:
    messages = found(**settings)
    assert [message.id for message in messages] == ["django_notification_system.W001"]
    assert words in said(messages)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("NOTIFICATION_SYSTEM_TARGET", "NOTIFICATION_SYSTEM_TARGETS"),
        ("NOTIFICATIONS_SYSTEM_TARGETS", "NOTIFICATION_SYSTEM_TARGETS"),
        ("NOTIFICATION_SYSTEM_HANDLER", "NOTIFICATION_SYSTEM_HANDLERS"),
        ("NOTIFICATION_SYTEM", "NOTIFICATION_SYSTEM"),
        ("NOTIFICATION_SYSTEMS", "NOTIFICATION_SYSTEM"),
        ("NOTIFICATION_SYSTEM_PROMETEUS", "NOTIFICATION_SYSTEM_PROMETHEUS"),
    ],
)
def test_a_misspelt_setting_is_noticed(name: str, meant: str) -> None:
    messages = found(**{name: {}})
    assert [message.id for message in messages] == ["django_notification_system.W005"]
    assert f"{name} is no setting of this app; it is ignored. Did you mean '{meant}'?" in said(
        messages
    )


@pytest.mark.parametrize("name", ["NOTIFICATION_SYSTEM_HOST", "NOTIFY_BY", "NOTIFICATION_SOUND"])
def test_other_settings_are_a_projects_own(name: str) -> None:
    assert found(**{name: "x"}) == []


def test_every_setting_has_a_rule_that_its_default_keeps() -> None:
    for settings_class in (
        *map(settings_class_of, built_in_keys()),
        TargetSettings,
        EngineSettings,
        RetryPolicy,
    ):
        for name, rule in rules_of(settings_class).items():
            assert rule.allows(getattr(settings_class, name)), name


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("Twilio", {"callback_url": "http://[::1"}, "callback_url in the target's settings is no"),
        ("Twilio", {"callback_url": "www.example.com/sms/"}, "callback_url in the target's"),
        ("Twilio", {"callback_url": "https://www.example.com:99999/"}, "callback_url in the"),
        ("Twilio", {"connections": "many"}, "connections in the target's settings must be a whole"),
        ("Twilio", {"timeout": 10**4400}, "timeout in the target's settings must be a number"),
        ("Expo", {"timeout": None}, "See NOTIFICATION_SYSTEM_TARGETS['expo']."),
        (
            "Expo",
            {"base_url": "http://[::1"},
            "base_url in the target's settings is no web address",
        ),
        ("Email", {"timeout": "10"}, "timeout in the target's settings must be a number"),
        ("Email", {"content_subtype": "text"}, 'must be "plain" or "html", or None.'),
    ],
)
def test_a_wrong_setting_stops_its_target_and_costs_no_attempt(
    name: str,
    changes: dict[str, Any],
    said: str,
    records: dict[str, TargetUserRecord],
    providers: ProviderStandIn,
    make_due: MakeDue,
    settings: Any,
    process: Callable[..., str],
) -> None:
    key = {"Twilio": "twilio_sms", "Expo": "expo", "Email": "email"}[name]
    present = settings.NOTIFICATION_SYSTEM_TARGETS
    settings.NOTIFICATION_SYSTEM_TARGETS = {**present, key: {**present.get(key, {}), **changes}}
    others = {each: make_due(record) for each, record in records.items() if each != name}
    notification = make_due(records[name])
    assert said in process()
    notification.refresh_from_db()
    assert (notification.status, notification.retry_attempts) == (Notification.SCHEDULED, 0)
    for other in others.values():
        other.refresh_from_db()
        assert other.status == Notification.DELIVERED
