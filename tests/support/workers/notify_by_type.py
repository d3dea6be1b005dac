"""Notifies the workers' user by a type: ``python -m tests.support.workers.notify_by_type``."""

import django

django.setup()

from django.contrib.auth import get_user_model  # noqa: E402

from tests.support.shop.notification_types import Counted  # noqa: E402

Counted(number=17).notify(get_user_model().objects.get(username="egg"))
