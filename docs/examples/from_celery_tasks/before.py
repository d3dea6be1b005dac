from celery import shared_task
from django.contrib.auth import get_user_model
from django.core.mail import send_mail
from django.db import transaction


@shared_task(autoretry_for=(OSError,), retry_backoff=True, max_retries=5)
def send_welcome(user_id):
    user = get_user_model().objects.get(pk=user_id)
    send_mail("Welcome", "Breakfast is at eight.", "shop@example.com", [user.email])


def sign_up(user):
    transaction.on_commit(lambda: send_welcome.delay(user.pk))
