from django.contrib.auth import get_user_model

from django_notification_system import notify
from django_notification_system.models import NotificationTarget, TargetUserRecord

egg = get_user_model().objects.get(username="egg")
apprise = NotificationTarget.objects.get(name="Apprise")
TargetUserRecord.objects.get_or_create(user=egg, target=apprise, target_user_id="ops")
notify(egg, "The oven is cold", "Breakfast is late.", target="Apprise")
