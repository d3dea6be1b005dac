from django.contrib.auth import get_user_model
from kitchen.notification_types import BreakfastReady

egg = get_user_model().objects.get(username="egg")
BreakfastReady(dish="Eggs Benedict").notify(egg)
print("In the inbox:", egg.inbox_items.get().event.title)
