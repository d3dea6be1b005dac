"""Runs management commands one after another, as ``manage.py`` would, in a single process.

``python commands.py '[["check"], ["purge_notifications", "--older-than", "1s"]]'`` writes, for each
command, its output and how many notifications have each status afterwards.
"""

import json
import sys
from collections import Counter
from contextlib import redirect_stdout
from io import StringIO

import django
from django.core.management import execute_from_command_line

django.setup()

from django_notification_system.models import Notification  # noqa: E402

done = []
for arguments in json.loads(sys.argv[1]):
    output = StringIO()
    with redirect_stdout(output):
        execute_from_command_line(["manage.py", *arguments])
    statuses = Counter(Notification.objects.values_list("status", flat=True))
    done.append([output.getvalue(), statuses])
json.dump(done, sys.stdout)
