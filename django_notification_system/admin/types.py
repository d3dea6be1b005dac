"""The page of types: each example as each target would send it, in each language."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import router
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.clickjacking import xframe_options_sameorigin

from ..categories import Category
from ..exceptions import NotificationSystemError
from ..message_types.declaration import MessageType
from ..message_types.registry import all_types
from ..models import Notification, NotificationTarget
from ..notification_handlers.preview import Preview
from ..on_site import INBOX, Fallback, Inbox, installed_inbox
from ..operations.type_samples import (
    item_without_trace,
    preview_named,
    previews_of,
    sample_without_trace,
    supported_language,
    targets_in_words,
    type_named,
)
from ..targets import known_description, target_key
from ..user_values import known_language
from .labels import category_label
from .preview import preview_of, sealed, sealed_page
from .visible import visible_targets

TEMPLATE = "admin/django_notification_system/notification/types.html"
#: Between a type's key, which has no slash, and the name of an example.
SLASH = "/"
NAME = "django_notification_system_notification_types"


@dataclass(frozen=True)
class ListedType:
    """A type in the list of examples.

    Attributes:
        key: The type's key.
        category: The label of the type's category, or an empty text.
        targets: The targets, in words.
        first_target: The value of the form's field for the first target that the visitor may see,
            or an empty text.
        examples: The value of the form's field, and the name, of each example.
        problem: Why the type has no examples, or an empty text.
    """

    key: str
    category: str
    targets: str
    first_target: str
    examples: list[tuple[str, str]] = field(default_factory=list)
    problem: str = ""

    @property
    def query(self) -> str:
        """The address's query for the first example; an empty text without examples."""
        if not self.examples:
            return ""
        chosen = {"example": self.examples[0][0], "target": self.first_target}
        return "?" + urlencode({name: value for name, value in chosen.items() if value})


def types_pages(model_admin: Any) -> list[URLPattern]:
    """Return the URLs of the pages.

    Args:
        model_admin: The admin of notifications.
    """
    view = model_admin.admin_site.admin_view
    return [
        path("types/", view(partial(types_page, model_admin)), name=NAME),
        path("types/preview/", view(partial(framed_page, model_admin)), name=f"{NAME}_preview"),
    ]


def types_page(model_admin: Any, request: HttpRequest) -> TemplateResponse:
    """Return the page with the examples to choose from, and the chosen one in a frame.

    Args:
        model_admin: The admin of notifications.
        request: The visitor's request.

    Raises:
        PermissionDenied: When the person may not change notifications.
    """
    _require_permission(model_admin, request)
    visible = list(visible_targets(model_admin, request).order_by("name"))
    listed = [_listed(cls, visible) for cls in all_types()]
    inbox = installed_inbox()
    targets = [] if inbox is None else [(INBOX, inbox.label)]
    targets += [(str(each.pk), each.name) for each in visible]
    type_of = {value: each for each in listed for value, _name in each.examples}
    example = _chosen(request, "example", list(type_of))
    chosen_type = type_of.get(example)
    chosen = {
        "example": example,
        "target": _chosen(
            request,
            "target",
            [value for value, _name in targets],
            otherwise=chosen_type.first_target if chosen_type else "",
        ),
        "language": _chosen(request, "language", [code for code, _label in settings.LANGUAGES]),
    }
    if "language" not in request.GET:
        chosen["language"] = known_language(get_language())
    query = QueryDict(mutable=True)
    query.update(chosen)
    preview = reverse(f"admin:{NAME}_preview", current_app=model_admin.admin_site.name)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Types"),
        "opts": model_admin.opts,
        "media": model_admin.media,
        "types": listed,
        "targets": targets,
        "languages": settings.LANGUAGES,
        "chosen": chosen,
        "chosen_type": chosen_type,
        "chosen_name": example.partition(SLASH)[2],
        "preview_url": (f"{preview}?{query.urlencode()}" if chosen["example"] and targets else ""),
    }
    return TemplateResponse(request, TEMPLATE, context)


def _framed_page(model_admin: Any, request: HttpRequest) -> HttpResponse:
    _require_permission(model_admin, request)
    wanted = request.GET.get("target", "")
    inbox = installed_inbox()
    if inbox is not None and wanted == INBOX:
        return sealed_page(request, *_shown_in_inbox(request, inbox))
    targets = visible_targets(model_admin, request)
    target = next((each for each in targets if str(each.pk) == wanted), None)
    if target is None:
        raise Http404
    notification, preview = _shown(request, target)
    text_query = request.GET.copy()
    text_query["part"] = "text"
    return sealed_page(
        request, notification, preview, text_url=f"?{text_query.urlencode(safe='/')}"
    )


framed_page = xframe_options_sameorigin(_framed_page)


def _shown(request: HttpRequest, target: NotificationTarget) -> tuple[Notification, Preview]:
    key, _slash, name = request.GET.get("example", "").partition(SLASH)
    user: Any = request.user
    try:
        sample = sample_without_trace(
            preview_named(type_named(key), name),
            target,
            address=_address_in_preview(target, user),
            language=supported_language(request.GET.get("language")),
            user=user,
            using=router.db_for_write(Notification),
        )
    except NotificationSystemError as error:
        return Notification(title=key), Preview(problem=str(error))
    sample.status = Notification.SCHEDULED
    with_text = request.GET.get("part") == "text"
    return sample, preview_of(sample, may_render=True, with_text=with_text)


def _address_in_preview(target: NotificationTarget, user: Any) -> str:
    """Return an address of the person who looks, or of nobody."""
    described = known_description(target.notification_module_name)
    if described is None:
        return ""
    own = described.own_addresses(user) if described.own_addresses is not None else ()
    return next(iter(own), described.sample_address)


def _shown_in_inbox(request: HttpRequest, inbox: Inbox) -> tuple[Notification, Preview]:
    key, _slash, name = request.GET.get("example", "").partition(SLASH)
    try:
        html = item_without_trace(
            preview_named(type_named(key), name),
            inbox,
            language=supported_language(request.GET.get("language")),
            user=request.user,
            using=router.db_for_write(Notification),
        )
    except NotificationSystemError as error:
        return Notification(title=key), Preview(kind="page", problem=str(error))
    return Notification(title=key), Preview(kind="page", html=sealed(html))


def _listed(cls: type[MessageType], targets: list[NotificationTarget]) -> ListedType:
    examples: list[tuple[str, str]] = []
    problem = ""
    try:
        examples = [(f"{cls.key}{SLASH}{name}", name) for name in previews_of(cls)]
    except NotificationSystemError as error:
        problem = str(error)
    else:
        if not examples:
            problem = str(_("No previews: yield a name and an instance in previews()."))
    key = cls.category.key if isinstance(cls.category, Category) else cls.category
    return ListedType(
        key=cls.key,
        category=str(category_label(key)),
        targets=targets_in_words(cls, targets),
        first_target=_first_target(cls, targets),
        examples=examples,
        problem=problem,
    )


def _first_target(cls: type[MessageType], targets: list[NotificationTarget]) -> str:
    """Return the form's value for the first of a type's targets that the visitor may see."""
    values: dict[str, str] = {}
    for each in targets:
        module = each.notification_module_name
        for name in (each.name, target_key(module), module):
            values.setdefault(name, str(each.pk))
    if installed_inbox() is not None:
        values[INBOX] = INBOX
    for wanted in cls.targets:
        target = wanted.target if isinstance(wanted, Fallback) else wanted
        name = target.name if isinstance(target, NotificationTarget) else str(target)
        if name in values:
            return values[name]
    return ""


def _chosen(request: HttpRequest, name: str, values: list[str], otherwise: str = "") -> str:
    """Return the visitor's choice among some values.

    Args:
        request: The visitor's request.
        name: The parameter of the address.
        values: The values that may be chosen.
        otherwise: The value for a visitor who chose none of these; by default the first.
    """
    given = request.GET.get(name, "")
    return given if given in values else otherwise or next(iter(values), "")


def _require_permission(model_admin: Any, request: HttpRequest) -> None:
    # As for the preview of a notification that waits: templates are run.
    if not model_admin.has_change_permission(request):
        raise PermissionDenied
