from django_notification_system.preferences import suppress

suppress("email", "gone@example.com", reason="bounce")
