"""The trigger on PostgreSQL that notifies ``process_notifications --watch`` of due inserts."""

TABLE = "notification_system_notification"
FUNCTION = "notification_system_tell_of_due"
TRIGGER = "notification_system_due_inserted"

# Once a statement, and only for due rows: NOTIFY makes commits wait for one another.
CREATE_FUNCTION = f"""
CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (
        SELECT FROM inserted
        WHERE status IN ('SCHEDULED', 'RETRY')
        AND scheduled_delivery <= clock_timestamp() + interval '1 second'
    ) THEN
        NOTIFY notification_system;
    END IF;
    RETURN NULL;
END
$$
"""
CREATE_TRIGGER = f"""
CREATE TRIGGER {TRIGGER} AFTER INSERT ON {TABLE}
REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION {FUNCTION}()
"""


def create_trigger(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(CREATE_FUNCTION)
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {TRIGGER} ON {TABLE}")
        schema_editor.execute(CREATE_TRIGGER)


def drop_trigger(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP TRIGGER IF EXISTS {TRIGGER} ON {TABLE}")
        schema_editor.execute(f"DROP FUNCTION IF EXISTS {FUNCTION}()")
