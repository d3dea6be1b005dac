import os

NOTIFICATION_SYSTEM_TARGETS["twilio_sms"] = {
    "account_sid": os.environ["TWILIO_ACCOUNT_SID"],
    "auth_token": os.environ["TWILIO_AUTH_TOKEN"],
    "sender": "+15005550006",
}
