"""A table of the project's own that refers to notifications."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0001_initial"),
        ("django_notification_system", "0003_claims_and_responses"),
    ]

    operations = [
        migrations.CreateModel(
            name="Complaint",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "about",
                    models.ForeignKey(
                        on_delete=models.CASCADE,
                        related_name="+",
                        to="django_notification_system.notification",
                    ),
                ),
                (
                    "evidence",
                    models.ForeignKey(
                        on_delete=models.PROTECT,
                        related_name="+",
                        null=True,
                        to="django_notification_system.notification",
                    ),
                ),
            ],
        ),
    ]
