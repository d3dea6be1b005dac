from django.conf import settings
from django.http import HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from orders.models import SeenWebhook
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError


@csrf_exempt
@require_POST
def from_the_kitchen(request):
    try:
        webhook = Webhook(settings.KITCHEN_SECRET).verify(request.body, dict(request.headers))
    except WebhookVerificationError:
        return HttpResponse(status=401)
    _, is_new = SeenWebhook.objects.get_or_create(name=request.headers["webhook-id"])
    if is_new:
        print(webhook["type"], webhook["data"])
    return HttpResponse(status=204)
