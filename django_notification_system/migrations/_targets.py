"""The three targets of every new project."""

TARGETS = (("Twilio", "twilio"), ("Email", "email"), ("Expo", "expo"))


def create_targets(apps, schema_editor):
    """Make the missing targets of the three, in the migrated database."""
    target_model = apps.get_model("django_notification_system", "NotificationTarget")
    for name, module_name in TARGETS:
        target_model.objects.using(schema_editor.connection.alias).get_or_create(
            name=name, defaults={"notification_module_name": module_name}
        )


def keep_targets(apps, schema_editor):
    """Undo nothing: records may point at the targets."""
