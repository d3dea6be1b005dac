NOTIFICATION_SYSTEM["OVERRIDE_RECIPIENTS"] = {
    "email": "staging@example.com",
    "twilio_sms": "+15005550010",
}
