"""Which of those that are due goes first; no row is rewritten."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("django_notification_system", "0015_admin_indexes")]

    operations = [
        migrations.AddField(
            model_name="notification",
            name="priority",
            field=models.SmallIntegerField(
                db_default=0,
                default=0,
                help_text="From 0 to 9. A higher one goes first among what is due.",
                validators=[
                    django.core.validators.MinValueValidator(0),
                    django.core.validators.MaxValueValidator(9),
                ],
                verbose_name="priority",
            ),
        ),
    ]
