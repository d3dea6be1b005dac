"""Schema changes that keep PostgreSQL's writers going and may be run again when interrupted.

Use these operations in a migration with ``atomic = False``. Such a migration is not rolled back
after an interruption: the next ``migrate`` starts again at the first operation.
"""

from django.db import transaction
from django.db.migrations.operations import (
    AddConstraint,
    AddField,
    AddIndex,
    AlterField,
    AlterUniqueTogether,
)
from django.db.migrations.operations.base import Operation


def _builds_online(schema_editor, model):
    if schema_editor.connection.vendor != "postgresql" or schema_editor.atomic_migration:
        return False
    # PostgreSQL builds no index on a partitioned table concurrently.
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_class WHERE oid = to_regclass(%s) AND relkind = 'p'",
            [schema_editor.quote_name(model._meta.db_table)],
        )
        return cursor.fetchone() is None


def _is_in_database(name, model, connection):
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, model._meta.db_table)
    return name in constraints


class AddFieldOnce(AddField):
    """Adds a field, unless an interrupted run has added the column already."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        model = to_state.apps.get_model(app_label, self.model_name)
        column = model._meta.get_field(self.name).column
        connection = schema_editor.connection
        if not self.allow_migrate_model(connection.alias, model):
            return
        with connection.cursor() as cursor:
            there = connection.introspection.get_table_description(cursor, model._meta.db_table)
        if column not in {described.name for described in there}:
            super().database_forwards(app_label, schema_editor, from_state, to_state)


class AllowNull(AlterField):
    """Lets a foreign key be NULL, and leaves the reference in place; backwards, forbids NULL.

    Django would drop the reference and make it anew, and the database would look up every row while
    nobody can write.
    """

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        model = to_state.apps.get_model(app_label, self.model_name)
        connection = schema_editor.connection
        if not self.allow_migrate_model(connection.alias, model):
            return
        if connection.vendor not in ("postgresql", "mysql"):
            # SQLite copies the table and drops the old table: all of this, or nothing.
            with transaction.atomic(using=connection.alias):
                super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        field = model._meta.get_field(self.name)
        quote = schema_editor.quote_name
        table, column = quote(model._meta.db_table), quote(field.column)
        if connection.vendor == "postgresql":
            verb = "DROP" if field.null else "SET"
            schema_editor.execute(f"ALTER TABLE {table} ALTER COLUMN {column} {verb} NOT NULL")
        else:
            definition = (
                f"{field.db_parameters(connection)['type']} {'' if field.null else 'NOT '}NULL"
            )
            schema_editor.execute(f"ALTER TABLE {table} MODIFY {column} {definition}")


class AddIndexOnline(AddIndex):
    """Adds an index; on PostgreSQL ``CONCURRENTLY``, which needs ``atomic = False``."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        if not _builds_online(schema_editor, model):
            if not _is_in_database(self.index.name, model, schema_editor.connection):
                schema_editor.add_index(model, self.index)
            return
        # An interrupted build leaves an invalid index behind.
        quoted = schema_editor.quote_name(self.index.name)
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {quoted}")
        schema_editor.add_index(model, self.index, concurrently=True)


class AddUniqueOnline(AddConstraint):
    """Adds a unique constraint over plain columns; on PostgreSQL from an index built beforehand."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        model = to_state.apps.get_model(app_label, self.model_name)
        if not self.allow_migrate_model(schema_editor.connection.alias, model):
            return
        if not _builds_online(schema_editor, model):
            connection = schema_editor.connection
            if connection.features.can_rollback_ddl:
                # SQLite copies the table and drops the old table: all of this, or nothing.
                with transaction.atomic(using=connection.alias):
                    schema_editor.add_constraint(model, self.constraint)
            elif not _is_in_database(self.constraint.name, model, connection):
                schema_editor.add_constraint(model, self.constraint)
            return
        quote = schema_editor.quote_name
        table, name = quote(model._meta.db_table), quote(self.constraint.name)
        columns = ", ".join(
            quote(model._meta.get_field(field).column) for field in self.constraint.fields
        )
        # An interrupted run leaves the constraint behind, or only the index.
        schema_editor.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")
        schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        schema_editor.execute(f"CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} ({columns})")
        schema_editor.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {name} UNIQUE USING INDEX {name}"
        )


class RemoveUniqueTogether(AlterUniqueTogether):
    """Removes ``unique_together``, unless an interrupted run has removed the constraint already."""

    atomic = True  # SQLite copies the table and drops the old table: all of this, or nothing

    def __init__(self, name, unique_together=()):
        super().__init__(name, unique_together)

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        model = from_state.apps.get_model(app_label, self.name)
        if self._is_in_database(model, schema_editor.connection):
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        super().database_forwards(app_label, schema_editor, from_state, to_state)

    def _is_in_database(self, model, connection):
        (fields,) = model._meta.unique_together
        columns = [model._meta.get_field(field).column for field in fields]
        with connection.cursor() as cursor:
            constraints = connection.introspection.get_constraints(cursor, model._meta.db_table)
        return any(
            constraint["unique"] and constraint["columns"] == columns
            for constraint in constraints.values()
        )


class RunDeferred(Operation):
    """Makes indexes and references now, and not after the migration's last operation.

    With deferred statements, Django would record the migration as applied after the transaction;
    after an interruption in between, the next ``migrate`` would make the same columns again.
    """

    reduces_to_sql = False

    def state_forwards(self, app_label, state):
        """Change nothing."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        statements, schema_editor.deferred_sql = schema_editor.deferred_sql, []
        for statement in statements:
            schema_editor.execute(statement, None)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        """Undo nothing."""

    def describe(self):
        return "Make indexes and references"
