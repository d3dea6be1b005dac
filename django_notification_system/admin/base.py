"""The base class of the models' admins."""

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.widgets import ForeignKeyRawIdWidget
from django.db import router, transaction
from django.db.models import QuerySet
from django.forms import SplitDateTimeField
from django.http import HttpRequest

from .form import ModelForm, VersionedForm, name_parts
from .listing.filters import searches_everything
from .listing.paginator import CappedPaginator
from .listing.search import can_be_split, search_condition, words

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin


class NotificationSystemAdmin(ModelAdmin):
    """Lists that stay fast on a million rows, and changes that undo nobody else's.

    Attributes:
        searched_fields: Foreign keys chosen by searching, where the other model's admin allows a
            search. ``autocomplete_fields`` would be an error in a project whose user model has no
            admin, or an admin without ``search_fields``.
        named_by: Relations loaded in separate queries after the rows. With a join, MariaDB reads a
            million rows to show a hundred.
        quickly_searched: The search fields known to a quick search.
    """

    class Media:
        css = {"all": ("django_notification_system/admin.css",)}

    form: type[ModelForm] = VersionedForm
    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # facets would count the whole table
    list_select_related = ()  # with False, Django would join the relations of list_display
    searched_fields: tuple[str, ...] = ()
    named_by: tuple[str, ...] = ()
    quickly_searched: tuple[str, ...] = ()

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows with the relations in their names, for suggestions and deletions too."""
        return super().get_queryset(request).prefetch_related(*self.named_by)

    def get_autocomplete_fields(self, request: HttpRequest) -> Any:
        """Return the fields that this person may search."""
        searchable = [name for name in self.searched_fields if self._may_search(request, name)]
        return [*super().get_autocomplete_fields(request), *searchable]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """As Django's, but both parts of a moment have a name."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(field, SplitDateTimeField):
            name_parts(field, db_field.verbose_name)
        return field

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """As Django's, but a field without a search gets an entry for the key."""
        if (
            db_field.name in self.searched_fields
            and db_field.name not in self.get_autocomplete_fields(request)
        ):
            # Never a list of choices: the list would have every user.
            kwargs["widget"] = ForeignKeyRawIdWidget(
                db_field.remote_field, self.admin_site, using=kwargs.get("using")
            )
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Return the rows with every word; the same rows as Django's search, but sooner."""
        paths = self.get_search_fields(request)
        if not all(can_be_split(self.model, path) for path in paths):
            return super().get_search_results(request, queryset, search_term)
        for word in words(search_term):
            queryset = queryset.filter(search_condition(self.model, paths, word, using=queryset.db))
        return queryset, False

    def searches_quickly(self, request: HttpRequest) -> bool:
        """Tell whether a quick search is possible: it needs the app's own search fields.

        Args:
            request: The person's request.
        """
        is_known = tuple(self.get_search_fields(request)) == self.quickly_searched
        return is_known and not searches_everything(request)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Add the row's version to a page that can change the row."""
        fieldsets = super().get_fieldsets(request, obj)
        if obj is None or not self.has_change_permission(request, obj):
            return fieldsets
        (title, options), *others = fieldsets
        return [(title, {**options, "fields": [*options["fields"], "version"]}), *others]

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """Return the row; during a change, the row is locked until the change is saved."""
        obj = super().get_object(request, object_id, from_field)
        if obj is not None and request.method == "POST":
            # Django's transaction is there, and the row may come from a read replica.
            rows = type(obj)._base_manager.using(router.db_for_write(type(obj)))
            if transaction.get_connection(rows.db).in_atomic_block:
                obj.refresh_from_db(from_queryset=rows.select_for_update())
        return obj

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save only the fields that the person changed: a worker may have written the rest.

        A project's form may have fields that are none of the model's.
        """
        if not change:
            super().save_model(request, obj, form, change)
            return
        columns = {field.name for field in self.opts.concrete_fields}
        if changed := [name for name in form.changed_data if name in columns]:
            obj.save(update_fields=[*changed, "modified_date"])

    def _may_search(self, request: HttpRequest, name: str) -> bool:
        related_model: Any = self.opts.get_field(name).related_model
        if not self.admin_site.is_registered(related_model):
            return False
        related_admin = self.admin_site.get_model_admin(related_model)
        return bool(
            related_admin.get_search_fields(request) and related_admin.has_view_permission(request)
        )


class ReadOnlyAdmin(NotificationSystemAdmin):
    """Shows rows that nobody adds, changes or deletes here."""

    form = ModelForm  # a row that nobody changes needs no version
    sortable_by = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Return false."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return false."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Return false."""
        return False
