"""Which table is in which database."""

ON_SECOND = {"auth", "contenttypes", "admin", "django_notification_system"}


class NotificationsRouter:
    """Puts users, and all that refers to them, in the second database."""

    def db_for_read(self, model, **hints):
        return "second" if model._meta.app_label in ON_SECOND else "default"

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, **hints):
        return (db == "second") == (app_label in ON_SECOND)
