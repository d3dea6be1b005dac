MAILERS = {
    "default": {"BACKEND": "django_notification_system.mail.QueueBackend"},
    "smtp": {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {"host": "mail.example.com"},
    },
}
NOTIFICATION_SYSTEM_TARGETS["email"] |= {"mailer": "smtp"}
