"""Walk through a project with this app added; print each step, and end at the first failure."""

import io
import json
from collections.abc import Iterator
from typing import Any

import django

django.setup()

from django.apps import apps  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.core import mail  # noqa: E402
from django.core.checks import run_checks  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client, RequestFactory  # noqa: E402
from django.test.utils import setup_test_environment  # noqa: E402
from django.urls import reverse  # noqa: E402

from django_notification_system import notify  # noqa: E402
from django_notification_system.models import Notification, TargetUserRecord  # noqa: E402

APP = apps.get_app_config("django_notification_system")
TITLE = "Breakfast is ready"
ADDRESS = "egg@example.com"
#: Whatever a project calls the rights of a superuser.
RIGHTS = ("is_active", "is_staff", "is_superuser", "is_administrator")


def command(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=out)
    return out.getvalue()


def migrate() -> str:
    command("migrate", "--verbosity", "0")
    command("makemigrations", APP.label, "--check", "--dry-run")
    return f"{len(apps.get_models())} models"


def check() -> str:
    found = [each for each in run_checks() if str(each.id).startswith(APP.label)]
    assert not found, found
    return "nothing found"


def create_superuser() -> str:
    user_model = get_user_model()
    user = user_model()
    values = dict.fromkeys(user_model.REQUIRED_FIELDS, "egg") | {
        user_model.USERNAME_FIELD: "egg",
        user_model.get_email_field_name(): ADDRESS,
        **dict.fromkeys(RIGHTS, True),
    }
    names = {field.name for field in user_model._meta.fields}
    for name, value in values.items():
        if name in names:
            setattr(user, name, value)
    user.set_password("egg")
    user.save()
    return user_model._meta.label


def superuser() -> Any:
    """Return the user; django-guardian makes another, who is nobody."""
    user_model = get_user_model()
    return user_model._default_manager.get(**{user_model.get_email_field_name(): ADDRESS})


def create_records() -> str:
    command("create_email_target_user_records")
    record = TargetUserRecord.objects.get(target_user_id=ADDRESS)
    assert record.user == superuser()
    return str(record)


def notify_and_process() -> str:
    assert notify(superuser(), TITLE, "Come.", target="Email") == 1
    said = command("process_notifications")
    notification = Notification.objects.get(user_target__target_user_id=ADDRESS)
    assert notification.status == Notification.DELIVERED, said
    assert [(each.subject, each.to) for each in mail.outbox] == [(TITLE, [ADDRESS])]
    assert "Email" in command("notification_status")
    return notification.response


def visit_admin() -> str:
    if not apps.is_installed("django.contrib.admin"):
        return "the project has no admin"
    setup_test_environment()
    client = Client()
    client.force_login(superuser())
    pages = list(pages_of_admin())
    for page in pages:
        response = client.get(page)
        assert response.status_code == 200, f"{page}: {response.status_code}"
        assert response.content.strip().endswith(b"</html>"), page
    notification = Notification.objects.get()
    assert TITLE in client.get(address_of(notification, "change", notification.pk)).content.decode()
    return f"{len(pages)} pages"


def pages_of_admin() -> Iterator[str]:
    yield reverse("admin:index")
    for model in (each for each in APP.get_models() if has_admin(each)):
        yield address_of(model, "changelist")
        may = permissions(model)
        if may["add"]:
            yield address_of(model, "add")
        for row in model._default_manager.all()[:1]:
            yield address_of(model, "change", row.pk)
            if may["delete"]:
                yield address_of(model, "delete", row.pk)
    yield address_of(Notification, "dashboard")
    yield address_of(Notification, "preview", Notification.objects.get().pk)


def permissions(model: Any) -> dict[str, bool]:
    """Return what a superuser may do: nobody adds to the log of consent."""
    from django.contrib import admin

    request = RequestFactory().get("/")
    request.user = superuser()
    return dict(admin.site._registry[model].get_model_perms(request))


def has_admin(model: Any) -> bool:
    from django.contrib import admin

    return bool(admin.site.is_registered(model))


def address_of(model: Any, page: str, *arguments: Any) -> str:
    name = f"admin:{APP.label}_{model._meta.model_name}_{page}"
    return reverse(name, args=arguments)


def dump_data() -> str:
    rows = json.loads(command("dumpdata", APP.label))
    dumped = [row for row in rows if row["model"] == f"{APP.label}.notification"]
    assert [row["fields"]["title"] for row in dumped] == [TITLE]
    return f"{len(rows)} rows"


for step in (
    migrate, check, create_superuser, create_records, notify_and_process, visit_admin, dump_data,
):  # fmt: skip
    print(f"  {step.__name__}: ", end="", flush=True)  # noqa: T201
    print(step(), flush=True)  # noqa: T201
