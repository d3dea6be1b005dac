INSTALLED_APPS += ["anymail", "django_notification_system.contrib.anymail"]

ANYMAIL = {
    "POSTMARK_SERVER_TOKEN": "…",
    "WEBHOOK_SECRET": "a-long-random-name:a-long-random-password",
}
EMAIL_BACKEND = "anymail.backends.postmark.EmailBackend"
