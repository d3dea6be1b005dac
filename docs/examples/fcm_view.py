from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.views.decorators.http import require_POST

from django_notification_system.exceptions import InvalidNotification
from django_notification_system.models import NotificationTarget
from django_notification_system.notification_handlers.fcm.devices import register_device


@login_required
@require_POST
def register(request):
    target = NotificationTarget.objects.get(name="FCM")
    try:
        register_device(request.user, target, request.POST.get("token", ""))
    except InvalidNotification as error:
        return HttpResponse(str(error), status=400)
    return HttpResponse(status=204)
