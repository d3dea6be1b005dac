"""WhatsApp by Twilio: the prefix, templates, their variables, and what people answer."""

import json
import logging
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from django_notification_system import notify, notify_addresses
from django_notification_system.checks import check_settings
from django_notification_system.exceptions import InvalidNotification, NotificationsNotCreated
from django_notification_system.models import (
    Notification,
    Suppression,
    TargetUserRecord,
)
from django_notification_system.notification_handlers.twilio import (
    comparable_address,
    fault_of_address,
    preview,
)
from django_notification_system.notification_handlers.twilio.whatsapp import (
    WrongTemplate,
    template_parameters,
)
from django_notification_system.testing.providers import Answer, ProviderStandIn
from tests.conftest import MakeDue
from tests.support.provider_support import Process
from tests.support.twilio_callbacks import post, serve
from tests.support.twilio_support import configure, refusal

WHATSAPP = "whatsapp:+15005550010"
SID = "HX0123456789abcdef0123456789ABCDEF"


@pytest.fixture
def whatsapp(user: Any, record: TargetUserRecord) -> TargetUserRecord:
    """Eggs Benedict's number for WhatsApp, beside the number for text messages."""
    return TargetUserRecord.objects.create(
        user=user, target=record.target, target_user_id=WHATSAPP, description="WhatsApp"
    )


def sent(providers: ProviderStandIn) -> dict[str, Any]:
    [message] = providers.received
    return dict(message.fields)


@pytest.mark.parametrize(
    ("settings_of_target", "sender"),
    [
        ({"sender": "+15005550006"}, "whatsapp:+15005550006"),
        ({"sender": "whatsapp:+15005550006"}, "whatsapp:+15005550006"),
        (
            {"sender": "+15005550006", "whatsapp_sender": "+14155238886"},
            "whatsapp:+14155238886",
        ),
        (
            {"sender": "+15005550006", "whatsapp_sender": "whatsapp:+14155238886"},
            "whatsapp:+14155238886",
        ),
    ],
)
def test_the_sender_gets_the_prefix(
    providers: ProviderStandIn,
    process: Process,
    whatsapp: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
    settings_of_target: dict[str, Any],
    sender: str,
) -> None:
    configure(settings, **settings_of_target)
    make_due(whatsapp, body="Breakfast is ready.")
    process()
    assert sent(providers) == {"To": WHATSAPP, "From": sender, "Body": "Breakfast is ready."}
    assert Notification.objects.get().status == "DELIVERED"


def test_a_sender_that_is_a_name_is_no_sender_for_whatsapp(
    providers: ProviderStandIn,
    process: Process,
    whatsapp: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
) -> None:
    configure(settings, sender="SHOP")
    make_due(whatsapp)
    process()
    assert (
        "Set whatsapp_sender in NOTIFICATION_SYSTEM_TARGETS" in Notification.objects.get().response
    )
    assert providers.requests == []


@pytest.mark.parametrize("sender", ["15005550006", "SHOP", "whatsapp:", None])
def test_a_whatsapp_sender_is_a_number(settings: Any, sender: Any) -> None:
    settings.NOTIFICATION_SYSTEM_TARGETS = {"twilio_sms": {"whatsapp_sender": sender}}
    [message] = check_settings()
    assert "['whatsapp_sender'] must be a number such as '+15005550006'" in message.msg


def test_text_messages_keep_their_sender(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
) -> None:
    configure(settings, sender="+15005550006", whatsapp_sender="+14155238886")
    make_due(record)
    process()
    assert sent(providers)["From"] == "+15005550006"


def test_a_messaging_service_sends_by_itself(
    providers: ProviderStandIn,
    process: Process,
    whatsapp: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
) -> None:
    configure(settings, sender="", messaging_service_sid="MG" + "0" * 32)
    make_due(whatsapp)
    process()
    assert "From" not in sent(providers)
    assert Notification.objects.get().status == "DELIVERED"


@pytest.mark.parametrize(
    ("variables", "written"),
    [
        ({"1": "Grüße", "2": 17}, {"1": "Grüße", "2": "17"}),
        ('{"1": "Tuesday"}', {"1": "Tuesday"}),
        (None, None),
        ({}, None),
    ],
)
def test_a_template_goes_out_without_body_and_picture(
    providers: ProviderStandIn,
    process: Process,
    whatsapp: TargetUserRecord,
    make_due: MakeDue,
    variables: Any,
    written: Any,
) -> None:
    extra = {"content_sid": SID, "media_url": "https://example.com/egg.png"}
    if variables is not None:
        extra["content_variables"] = variables
    make_due(whatsapp, body="For the admin alone", extra=extra)
    process()
    fields = sent(providers)
    assert fields["ContentSid"] == SID
    assert "Body" not in fields
    assert "MediaUrl" not in fields
    assert json.loads(fields.get("ContentVariables", "null")) == written


WRONG = [
    {"content_sid": "HX17"},
    {"content_sid": 17},
    {"content_sid": SID + "\n"},
    {"content_variables": {"1": "planted"}},
    {"content_sid": SID, "content_variables": ["planted"]},
    {"content_sid": SID, "content_variables": "planted"},
    {"content_sid": SID, "content_variables": {"1": {"planted": 1}}},
    {"content_sid": SID, "content_variables": {"1": None}},
    {"content_sid": SID, "content_variables": {str(each): "planted" for each in range(101)}},
]


@pytest.mark.parametrize("extra", WRONG)
def test_a_template_that_twilio_would_not_take_is_refused_at_once(
    user: Any, whatsapp: TargetUserRecord, extra: dict[str, Any]
) -> None:
    with pytest.raises((InvalidNotification, NotificationsNotCreated), match="content_") as raised:
        notify(user, "Hello", "World", target="Twilio", extra=extra)
    assert "planted" not in str(raised.value)
    assert not Notification.objects.exists()


@pytest.mark.parametrize("extra", WRONG)
def test_a_row_made_otherwise_fails_alone(
    providers: ProviderStandIn,
    process: Process,
    whatsapp: TargetUserRecord,
    make_due: MakeDue,
    extra: dict[str, Any],
) -> None:
    bad = make_due(whatsapp, extra=extra)
    good = make_due(whatsapp, title="Good")
    process()
    bad.refresh_from_db()
    good.refresh_from_db()
    assert (bad.status, good.status) == ("DELIVERY FAILURE", "DELIVERED")
    assert bad.response.startswith("Not sent: extra['content_")
    assert len(providers.requests) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(sid=st.just(SID) | JSON, variables=JSON)
def test_any_template_is_taken_or_refused(sid: Any, variables: Any) -> None:
    try:
        parameters = template_parameters({"content_sid": sid, "content_variables": variables})
    except WrongTemplate:
        return
    if "content_variables" in parameters:
        read = json.loads(parameters["content_variables"])
        assert all(isinstance(value, str) for value in read.values())


# Addresses


@pytest.mark.parametrize(
    "address", ["whatsapp:", "whatsapp:15005550006", "WhatsApp:+0", "whatsapp:+1500555000x"]
)
def test_an_address_that_is_none_is_told(db: None, address: str) -> None:
    assert "looks like whatsapp:+15005550006" in fault_of_address(address)
    with pytest.raises(InvalidNotification, match="no address for WhatsApp"):
        notify_addresses([address], "Hello", "World", target="Twilio")


@pytest.mark.parametrize("address", [WHATSAPP, "WhatsApp:+15005550006", "+15005550006", "any"])
def test_other_addresses_are_twilios_to_judge(address: str) -> None:
    assert fault_of_address(address) == ""


def test_the_channel_is_part_of_the_address() -> None:
    spellings = {comparable_address(each) for each in (WHATSAPP, "WhatsApp:+1 (500) 555-0010")}
    assert spellings == {WHATSAPP}
    assert comparable_address("+15005550010") not in spellings


def test_a_staging_site_sends_by_whatsapp_too(
    providers: ProviderStandIn,
    process: Process,
    record: TargetUserRecord,
    make_due: MakeDue,
    settings: Any,
) -> None:
    settings.NOTIFICATION_SYSTEM = {"OVERRIDE_RECIPIENTS": {"twilio_sms": WHATSAPP}}
    make_due(record)
    process()
    assert (sent(providers)["To"], sent(providers)["From"][:9]) == (WHATSAPP, "whatsapp:")


def test_a_test_message_goes_by_whatsapp(providers: ProviderStandIn, db: None) -> None:
    call_command("send_test_notification", target="Twilio", to=WHATSAPP)
    assert sent(providers)["To"] == WHATSAPP


def test_a_sender_that_is_none_of_whatsapps_is_told(
    providers: ProviderStandIn, db: None, settings: Any
) -> None:
    providers.on_request = lambda request: refusal(400, 63007, "No Channel with this From")
    with pytest.raises(CommandError, match="63007"):
        call_command("send_test_notification", target="Twilio", to=WHATSAPP)


# What people answer


def test_stop_by_whatsapp_ends_whatsapp_alone_and_start_begins_again(
    record: TargetUserRecord, whatsapp: TargetUserRecord, providers: ProviderStandIn, settings: Any
) -> None:
    record.target_user_id = "+15005550010"
    record.save()
    serve(settings)

    def say(body: str) -> None:
        form = {"From": WHATSAPP, "To": "whatsapp:+15005550006", "Body": body, "MessageSid": "SM1"}
        address = "http://testserver/twilio/incoming/"
        answer = post(form, address=address, at="/twilio/incoming/")
        assert answer.status_code == 200

    say("Stop")
    record.refresh_from_db()
    whatsapp.refresh_from_db()
    assert (record.active, whatsapp.active, whatsapp.inactive_reason) == (True, False, "STOP")
    assert Suppression.objects.count() == 1
    say("START")
    whatsapp.refresh_from_db()
    assert whatsapp.active
    assert not Suppression.objects.exists()


# Secrets and the admin's page


def test_neither_number_nor_variables_are_stored_or_logged(
    providers: ProviderStandIn,
    process: Process,
    whatsapp: TargetUserRecord,
    make_due: MakeDue,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    said = f"To {WHATSAPP} +15005550010: code:847261 in https://example.com/planted-link/"
    providers.on_request = lambda request: Answer(
        status=400, json={"code": 63016, "message": said, "status": 400}
    )
    variables = {"1": "code:847261", "2": "https://example.com/planted-link/"}
    make_due(whatsapp, extra={"content_sid": SID, "content_variables": variables})
    process()
    response = Notification.objects.get().response
    assert "63016" in response
    for secret in ("5005550010", "847261", "planted-link"):
        assert secret not in response
        assert secret not in caplog.text


def test_the_preview_shows_the_templates_name_and_variables() -> None:
    extra = {"content_sid": SID, "content_variables": {"1": "Grüße"}}
    notification = Notification(title="t", body="b", extra=extra)
    shown = preview(notification, may_render=False, with_text=False)
    assert shown.text == f'{SID}\n{{"1": "Grüße"}}'
    assert "template at Twilio" in str(shown.notes[0])
    notification.extra = {"content_sid": "wrong"}
    assert preview(notification, may_render=False, with_text=False).problem
