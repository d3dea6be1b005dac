"""Indexes and unique constraints that PostgreSQL builds without locking out its writers."""

from django.db.migrations.operations import AddConstraint, AddIndex


def _allows_writes(schema_editor):
    return schema_editor.connection.vendor == "postgresql" and not schema_editor.atomic_migration


class AddIndexOnline(AddIndex):
    """Adds an index; on PostgreSQL ``CONCURRENTLY``, which needs ``atomic = False``."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        if not _allows_writes(schema_editor):
            schema_editor.add_index(model, self.index)
            return
        # A build that was interrupted leaves an invalid index of the name behind.
        quoted = schema_editor.quote_name(self.index.name)
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {quoted}")
        schema_editor.add_index(model, self.index, concurrently=True)


class AddUniqueOnline(AddConstraint):
    """Adds a unique constraint over plain columns; on PostgreSQL from an index built beforehand."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        if not _allows_writes(schema_editor):
            schema_editor.add_constraint(model, self.constraint)
            return
        quote = schema_editor.quote_name
        table, name = quote(model._meta.db_table), quote(self.constraint.name)
        columns = ", ".join(
            quote(model._meta.get_field(field).column) for field in self.constraint.fields
        )
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        schema_editor.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} ({columns})")
        schema_editor.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {name}"
        )
