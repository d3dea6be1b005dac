EMAIL_BACKEND = "django_notification_system.mail.QueueBackend"
NOTIFICATION_SYSTEM_TARGETS["email"] |= {"backend": "django.core.mail.backends.smtp.EmailBackend"}
