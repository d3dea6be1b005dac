NOTIFICATION_SYSTEM_TARGETS["email"] = {
    "html_filters": ["django_notification_system.contrib.css.inline"],
}
