"""The origin of records that browsers and devices subscribe; no SQL on any database."""

from django.db import migrations, models

ORIGINS = [
    ("", "Entered by hand"),
    ("USER EMAIL", "Follows the user's email address"),
    ("FORMER USER EMAIL", "A former email address of the user"),
    ("GIVEN", "Given by the project's code, without an account"),
    ("QUEUED MAIL", "The first recipient of queued mail"),
    ("SUBSCRIBED", "Subscribed by the user's browser or device"),
]


class Migration(migrations.Migration):
    dependencies = [("django_notification_system", "0034_concurrency")]

    operations = [
        migrations.AlterField(
            model_name="targetuserrecord",
            name="origin",
            field=models.CharField(
                blank=True,
                choices=ORIGINS,
                db_default="",
                default="",
                editable=False,
                max_length=20,
                verbose_name="origin",
            ),
        ),
    ]
