"""The admin of suppressions: addresses that nothing of a category is sent to."""

from copy import copy
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db import router
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponseRedirect
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from ..categories import all_categories
from ..exceptions import TargetUnavailable
from ..models import Suppression
from ..models.address import trimmed
from ..on_site import INBOX
from ..preferences import suppress
from ..preferences.addresses import address_hash, hasher_where_delivered
from ..preferences.questions import target_keys
from ..preferences.suppressions import lift
from ..targets import built_in_keys
from .actions.lift import lift_selected
from .base import NotificationSystemAdmin
from .form import ModelForm
from .labels import category_label
from .moments import short


def keys_of_targets() -> list[str]:
    """Return the keys of all targets that may have suppressions, sorted."""
    known = built_in_keys() | target_keys(router.db_for_read(Suppression))
    return sorted(known - {INBOX})  # which has no addresses


class KeyFilter(admin.SimpleListFilter):
    """The suppressions of a target."""

    title = _("target")
    parameter_name = "target_key"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the keys of the targets, and a chosen key that no target has any more."""
        keys = {key: key for key in keys_of_targets()}
        if chosen := self.value():
            keys.setdefault(chosen, chosen)
        return list(keys.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the suppressions of the chosen target."""
        return queryset.filter(target_key=self.value()) if self.value() else queryset


class SuppressionForm(ModelForm):
    """A new suppression."""

    def clean_address(self) -> str:
        """Refuse an address of invisible characters alone.

        Raises:
            ValidationError: When nothing is left of the address.
        """
        address = trimmed(self.cleaned_data["address"])
        if not address:
            errors = self.fields["address"].error_messages
            raise ValidationError(errors["required"], code="required")
        return address

    def clean(self) -> dict[str, Any]:
        """Refuse an address that is suppressed already; a wish gives way to a person's word.

        Raises:
            ValidationError: When nothing would be changed.
        """
        values: dict[str, Any] = super().clean() or {}
        key, address = values.get("target_key"), values.get("address")
        if key and address:
            try:
                hashed = address_hash(key, address)
            except TargetUnavailable as error:
                raise ValidationError(str(error), code="unavailable") from error
            rows = Suppression.objects.using(router.db_for_write(Suppression)).filter(
                target_key=key,
                address_hash=hashed,
                category=values.get("category", ""),
            )
            known = rows.exclude(reason__in=Suppression.WISHES).first()
            if known is not None:
                raise ValidationError(
                    _("This address is suppressed already: %(reason)s."),
                    code="suppressed",
                    params={"reason": known.get_reason_display()},
                )
        return values


@admin.register(Suppression)
class SuppressionAdmin(NotificationSystemAdmin):
    """Suppressions are added and removed, and never changed; the log of consent has both."""

    form = SuppressionForm  # a row that nobody changes needs no version
    actions = (lift_selected,)
    list_display = ("shown_address", "target_key", "shown_category", "reason", "created")
    list_filter = ("reason", KeyFilter)
    sortable_by = ()
    search_fields = ("address",)
    search_help_text = _("A whole address. Erased addresses are found too.")
    ordering = ("-pk",)  # the newest first, as keys are in order of time
    fields = ("target_key", "address", "category", "note")

    def get_fields(self, request: HttpRequest, obj: Suppression | None = None) -> Any:
        """Show all of an existing suppression."""
        if obj is None:
            return self.fields
        return ("target_key", "shown_address", "shown_category", "reason", "note", "created_date")

    def get_readonly_fields(self, request: HttpRequest, obj: Suppression | None = None) -> Any:
        """Keep an existing suppression as it is."""
        return () if obj is None else self.get_fields(request, obj)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the known targets and categories, and require the address."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "target_key":
            return forms.ChoiceField(
                label=field.label, choices=[(key, key) for key in keys_of_targets()]
            )
        if db_field.name == "category":
            labels = [(category.key, category.label) for category in all_categories()]
            return forms.ChoiceField(
                label=field.label, required=False, choices=[("", _("All categories")), *labels]
            )
        if db_field.name == "address":
            field.required = True
        return field

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return the suppressions of an address, by the hash: an erased address has no other."""
        address = trimmed(search_term)
        if not address:
            return queryset, False
        places = Q(address=address)  # for a target whose module this process lacks
        for key in keys_of_targets():
            if hashed := hasher_where_delivered(key):
                places |= Q(target_key=key, address_hash=hashed(address))
        return queryset.filter(places), False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return false: the log of consent says who was suppressed, and why."""
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Suppress the address, with all that follows."""
        made = suppress(
            obj.target_key,
            obj.address,
            reason=Suppression.Reason.MANUAL,
            category=obj.category,
            note=obj.note,
            by=request.user,
        )
        obj.pk = made.pk
        obj.refresh_from_db(using=made._state.db)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Lift the suppression, with all that follows."""
        lift(obj, by=request.user)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        """Say why a suppression cannot be lifted: this process may lack the target's module."""
        try:
            return super().delete_view(request, object_id, extra_context)
        except TargetUnavailable as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(request.path)

    def get_actions(self, request: HttpRequest, action_location: Any = None) -> Any:
        """Leave out Django's action to delete: lifting takes its place."""
        # From Django 6.1 on, actions have a place.
        place = () if action_location is None else (action_location,)
        actions = super().get_actions(request, *place)
        actions.pop("delete_selected", None)
        return actions

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Log without the address: an erasure empties the row, and not Django's log."""
        return super().log_addition(request, _without_address(obj), message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        """Log without the addresses, as above."""
        nameless: Any = [_without_address(suppression) for suppression in queryset]
        return super().log_deletions(request, nameless)

    @admin.display(description=_("address"))
    def shown_address(self, suppression: Suppression) -> str:
        """Return the address, or that an erasure has emptied the address."""
        return suppression.address or gettext("erased")

    @admin.display(description=_("category"))
    def shown_category(self, suppression: Suppression) -> Any:
        """Return the label of the category."""
        return category_label(suppression.category) or pgettext_lazy("categories", "All")

    @admin.display(description=_("created"))
    def created(self, suppression: Suppression) -> SafeString:
        """Return when the address was suppressed."""
        return short(suppression.created_date)


def _without_address(suppression: Suppression) -> Suppression:
    nameless = copy(suppression)
    nameless.address = ""
    return nameless
