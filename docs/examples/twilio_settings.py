NOTIFICATION_SYSTEM_TARGETS = {
    "twilio_sms": {
        "account_sid": "AC0123456789abcdef0123456789abcdef",
        "auth_token": "the account's secret",
        "sender": "+15005550006",
        "callback_url": "https://www.example.com/notifications/twilio/status/#rc=3&rp=4xx,5xx,ct,rt",
    },
}
