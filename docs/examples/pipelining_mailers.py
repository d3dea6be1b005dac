MAILERS = {
    "default": {
        "BACKEND": "django_notification_system.contrib.smtp.EmailBackend",
        "OPTIONS": {"host": "smtp.example.com", "port": 587, "use_tls": True},
    },
}
