"""Preferences, suppressions and log of consent, for the page of a user target."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.auth import get_permission_codename
from django.db import router
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..categories import Category, all_categories
from ..models import ConsentLog, Preference, Suppression, TargetUserRecord
from ..preferences.addresses import hasher_where_delivered
from ..preferences.questions import has_opted_out, states
from ..preferences.rule import OPTED_OUT, YES, States, named, opted_out_of, refusal
from ..targets import target_key
from .labels import category_label, state_label
from .visible import visible_targets

#: The number of entries of the log on a page, the newest first.
SHOWN = 20


@dataclass(frozen=True)
class Effective:
    """What holds for a person in a category and a target.

    Attributes:
        category: The label of the category.
        target: The name of the target.
        is_sent: Whether messages are sent.
        why: The reason.
    """

    category: Any
    target: str
    is_sent: bool
    why: Any


@dataclass(frozen=True)
class Suppressed:
    """A suppression of an address, with labels.

    Attributes:
        row: The suppression.
        category: The label of the category; empty: all categories.
    """

    row: Suppression
    category: Any


@dataclass(frozen=True)
class Entry:
    """An entry of the log, with labels.

    Attributes:
        logged: The entry.
        category: The label of the category; empty: all categories.
        before: The label of the state before.
        after: The label of the state since.
    """

    logged: ConsentLog
    category: Any
    before: Any
    after: Any


def may(request: HttpRequest, action: str, model: Any) -> bool:
    """Tell whether a visitor has a permission on a model, registered in the admin or not.

    Args:
        request: The visitor's request.
        action: The permission, such as ``change``.
        model: The model.
    """
    codename = get_permission_codename(action, model._meta)
    return request.user.has_perm(f"{model._meta.app_label}.{codename}")


def may_act_for(request: HttpRequest, record: TargetUserRecord) -> bool:
    """Tell whether a visitor may change the preferences of a record's user.

    Args:
        request: The visitor's request.
        record: The record.
    """
    return (
        record.user_id is not None and bool(all_categories()) and may(request, "change", Preference)
    )


def reachable_by(model_admin: Any, request: HttpRequest, user: Any) -> dict[str, str]:
    """Return the names of the targets for which a person has a record, by the target's key.

    Args:
        model_admin: The admin of user targets.
        request: The visitor's request; targets hidden from the visitor are left out.
        user: The person.
    """
    targets = visible_targets(model_admin, request).filter(targetuserrecord__user=user).distinct()
    names: dict[str, str] = {}
    for module_name, name in targets.order_by("created_date", "name").values_list(
        "notification_module_name", "name"
    ):
        names.setdefault(target_key(module_name), name)
    return names


def consent_of(model_admin: Any, request: HttpRequest, record: TargetUserRecord) -> dict[str, Any]:
    """Return what the visitor may see of a record: preferences, suppressions and log of consent.

    Preferences and log are of the record's user, suppressions of its address. Six queries at most;
    none in a project without categories.

    Args:
        model_admin: The admin of user targets.
        request: The visitor's request.
        record: The record.
    """
    if not all_categories():
        return {}
    shown: dict[str, Any] = {"may_act": may_act_for(request, record), "log_shown": SHOWN}
    if record.user_id is not None and (may(request, "view", Preference) or shown["may_act"]):
        names = reachable_by(model_admin, request, record.user_id)
        shown["preferences"] = effective_preferences(record.user_id, names)
    site = model_admin.admin_site
    if site.is_registered(Suppression):
        suppression_admin = site.get_model_admin(Suppression)
        if suppression_admin.has_view_permission(request):
            shown["suppressions"] = _suppressed(suppression_admin.get_queryset(request), record)
    if site.is_registered(ConsentLog):
        log_admin = site.get_model_admin(ConsentLog)
        if log_admin.has_view_permission(request):
            shown["log"] = _newest(log_admin.get_queryset(request), record)
    return shown


def effective_preferences(user_id: Any, names: Mapping[str, str]) -> list[Effective]:
    """Return what holds for a person, by category and target, with two queries.

    Args:
        user_id: The person's key.
        names: The names of the targets, by key.
    """
    using = router.db_for_read(Preference)
    words, opted_out = states(user_id, using=using), has_opted_out(user_id, using=using)
    found = []
    for category in all_categories():
        for key, name in names.items():
            refused = refusal(category, key, words, opted_out=opted_out)
            why = _why_not(refused, category, key) if refused else _why(category, key, words)
            found.append(Effective(category.label, name, not refused, why))
    return found


def _why(category: Category, key: str, words: States) -> Any:
    if category.mandatory:
        return _("Mandatory")
    if YES in (words.get((category.key, key)), words.get((category.key, ""))):
        return _("Agreed to")
    return _("On by default")


def _why_not(refused: str, category: Category, key: str) -> Any:
    """Return the rule's words in the reader's language."""
    place = named(category.key, key)
    return {
        OPTED_OUT: _("Opted out of everything"),
        opted_out_of(category.key, key): _("Said no to this category in this target"),
        opted_out_of(category.key, ""): _("Said no to this category"),
        opted_out_of("", key): _("Said no to this target"),
        f"not confirmed {place}": _("Agreed to, and not yet confirmed"),
        f"not agreed to {place}": _("Not agreed to"),
    }.get(refused, refused)


def _suppressed(suppressions: Any, record: TargetUserRecord) -> list[Suppressed]:
    key = target_key(record.target.notification_module_name)
    hashed = hasher_where_delivered(key)
    if hashed is None:
        return []
    of_address = suppressions.filter(
        target_key=key, address_hash=hashed(str(record.target_user_id))
    )
    return [
        Suppressed(row, category_label(row.category)) for row in of_address.order_by("category")
    ]


def _newest(log: Any, record: TargetUserRecord) -> list[Entry]:
    if record.user_id is not None:
        entries = log.filter(user=record.user_id)
    else:
        key = target_key(record.target.notification_module_name)
        hashed = hasher_where_delivered(key)
        if hashed is None:
            return []
        entries = log.filter(address_hash=hashed(record.target_user_id))
    newest = entries.prefetch_related(None).prefetch_related("by").order_by("-at", "-pk")[:SHOWN]
    return [
        Entry(
            entry,
            category_label(entry.category),
            state_label(entry.before),
            state_label(entry.after),
        )
        for entry in newest
    ]
