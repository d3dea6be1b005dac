NOTIFICATION_SYSTEM_TARGETS["twilio_sms"] |= {
    "callback_url": "https://www.example.com/notifications/twilio/status/#rc=3&rp=4xx,5xx,ct,rt",
}
