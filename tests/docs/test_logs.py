"""The pages about the log name the fields that there are, and their settings write JSON."""

import io
import json
import logging
import re
from logging.config import DictConfigurator

from django_notification_system.models import TargetUserRecord
from django_notification_system.testing.smtp import SmtpStandIn
from tests.conftest import MakeDue
from tests.support.documentation import DOCS, run_example
from tests.support.email_support import run

PAGE = (DOCS / "reference" / "log.rst").read_text()
APP = "django_notification_system"


def test_settings_for_the_log_write_json_with_the_fields_of_the_reference(
    email: TargetUserRecord, make_due: MakeDue, mail_server: SmtpStandIn
) -> None:
    shown = run_example("logging_settings.py")["LOGGING"]
    assert shown["loggers"].keys() == {APP}
    configure = DictConfigurator(shown)
    # The rest of it would change the logging of all tests.
    formatter = configure.configure_formatter(shown["formatters"]["json"])
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(formatter)
    logger = logging.getLogger(APP)
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        mail_server.answer("RCPT", "550 5.1.1 No such user", times=1)
        refused = make_due(email)
        run()
    finally:
        logger.removeHandler(handler)
        logger.setLevel(logging.NOTSET)
    lines = [json.loads(line) for line in written.getvalue().splitlines()]
    own = {"asctime", "levelname", "name", "message"}
    there = {name for line in lines for name in line} - own
    listed = set(re.findall(r"\* - ``(\w+)``\n     - [A-Z`]", PAGE)) - {"WARNING", "DEBUG", "ERROR"}
    assert there == listed
    (attempt,) = (line for line in lines if "attempt_number" in line)
    assert attempt.pop("asctime")
    assert attempt == {
        "levelname": "WARNING",
        "name": APP,
        "message": f"Email: notification {refused.pk}: inactive.",
        "target": "Email",
        "notification_id": str(refused.pk),
        "batch_token": attempt["batch_token"],
        "outcome": "inactive",
        "attempt_number": 1,
    }
    for line in lines:
        if line["levelname"] == "WARNING":
            assert set(line) - own <= set(re.findall(r"``(\w+)``", PAGE))
