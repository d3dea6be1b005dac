"""The project for uvicorn, with shorter times than a site has."""

import os

from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application

application = ASGIStaticFilesHandler(get_asgi_application())

from django_notification_system.contrib.inbox.live import rounds, streams  # noqa: E402

rounds.CHECK_EVERY = float(os.environ.get("PROJECT_CHECK_EVERY", rounds.CHECK_EVERY))
streams.COMMENT_EVERY = float(os.environ.get("PROJECT_COMMENT_EVERY", streams.COMMENT_EVERY))
