from asgiref.sync import async_to_sync
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from channels.layers import get_channel_layer
from django.dispatch import receiver
from django.utils import timezone

from django_notification_system.contrib.inbox.signals import inbox_added


class InboxConsumer(AsyncJsonWebsocketConsumer):
    async def connect(self):
        if self.scope["user"].is_authenticated:
            self.groups.append(f"inbox-{self.scope['user'].pk}")  # left at the end
            await self.channel_layer.group_add(self.groups[-1], self.channel_name)
            await self.accept()

    async def inbox_added(self, message):
        await self.send_json({"title": message["title"]})


@receiver(inbox_added)
def tell_browsers(event, user_ids, visible_from, **kwargs):
    if visible_from > timezone.now():
        return  # sent later: nobody may see the item yet
    send = async_to_sync(get_channel_layer().group_send)
    for user_id in user_ids:
        send(f"inbox-{user_id}", {"type": "inbox.added", "title": event.title})
