from django.contrib.auth import get_user_model

from django_notification_system.models import Preference

unsubscribed = get_user_model().objects.filter(username__startswith="egg")

Preference.objects.bulk_set(
    (
        Preference(user=user, category="news", target_key="email", state=Preference.State.NO)
        for user in unsubscribed.iterator()
    ),
    how="import",
)
