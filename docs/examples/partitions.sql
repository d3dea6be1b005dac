-- The table of notifications, partitioned by the time of creation. For PostgreSQL 14 and later.

-- Makes the table as it is the first partition of a new one. Nothing is copied: the rows are read
-- once, to see that all of them were created before "first".
CREATE FUNCTION notification_system_partition(first timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    found record;
    definition text;
BEGIN
    PERFORM set_config('lock_timeout', '5s', true);
    LOCK TABLE notification_system_notification;
    -- No table can refer to a partitioned one by a column that is not unique in all of it.
    FOR found IN
        SELECT conname, conrelid::regclass AS name FROM pg_constraint
        WHERE contype = 'f' AND confrelid = 'notification_system_notification'::regclass
    LOOP
        IF found.name NOT IN (
            'notification_system_attempt'::regclass, 'notification_system_attachment'::regclass
        ) THEN
            RAISE EXCEPTION 'Table % refers to notifications.', found.name;
        END IF;
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', found.name, found.conname);
    END LOOP;
    ALTER TABLE notification_system_notification RENAME TO notification_system_notification_first;
    CREATE TABLE notification_system_notification (
        LIKE notification_system_notification_first INCLUDING DEFAULTS INCLUDING CONSTRAINTS
    ) PARTITION BY RANGE (created_date);
    -- Indexes keep their names, by which later migrations know them. Unique ones stay those of
    -- each partition alone: over all partitions they would have to include created_date.
    FOR found IN
        SELECT indexrelid::regclass AS name, pg_get_indexdef(indexrelid) AS definition
        FROM pg_index
        WHERE indrelid = 'notification_system_notification_first'::regclass AND NOT indisunique
    LOOP
        EXECUTE format('ALTER INDEX %s RENAME TO %I', found.name, left(found.name::text, 57) || '_first');
        EXECUTE regexp_replace(
            found.definition, 'notification_system_notification_first', 'notification_system_notification'
        );
    END LOOP;
    FOR found IN
        SELECT conname AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint
        WHERE contype = 'f' AND conrelid = 'notification_system_notification_first'::regclass
    LOOP
        EXECUTE format(
            'ALTER TABLE notification_system_notification ADD CONSTRAINT %I %s',
            found.name, found.definition
        );
    END LOOP;
    FOR found IN
        SELECT tgname AS name, pg_get_triggerdef(oid) AS definition FROM pg_trigger
        WHERE tgrelid = 'notification_system_notification_first'::regclass AND NOT tgisinternal
    LOOP
        EXECUTE replace(
            found.definition, 'notification_system_notification_first', 'notification_system_notification'
        );
        EXECUTE format('DROP TRIGGER %I ON notification_system_notification_first', found.name);
    END LOOP;
    EXECUTE format(
        'ALTER TABLE notification_system_notification ATTACH PARTITION'
        ' notification_system_notification_first FOR VALUES FROM (MINVALUE) TO (%L)', first
    );
    -- Takes what has no partition yet; otherwise nothing could be created.
    CREATE TABLE notification_system_notification_rest (
        LIKE notification_system_notification_first INCLUDING ALL
    );
    ALTER TABLE notification_system_notification ATTACH PARTITION
        notification_system_notification_rest DEFAULT;
END
$$;

-- Makes a partition for what is created from one moment until before another.
CREATE FUNCTION notification_system_add_partition(first timestamptz, last timestamptz) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    name text := 'notification_system_notification_' || to_char(first, 'YYYYMMDD');
BEGIN
    PERFORM set_config('lock_timeout', '5s', true);
    EXECUTE format(
        'CREATE TABLE %I (LIKE notification_system_notification_rest INCLUDING ALL)', name
    );
    EXECUTE format(
        'ALTER TABLE notification_system_notification ATTACH PARTITION %I'
        ' FOR VALUES FROM (%L) TO (%L)', name, first, last
    );
END
$$;

-- Tells whether something in a partition is still to be delivered; it reads no more than an index.
CREATE FUNCTION notification_system_waits(name regclass) RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    target uuid;
    found boolean;
BEGIN
    FOR target IN SELECT id FROM notification_system_target UNION ALL SELECT NULL LOOP
        EXECUTE format(
            'SELECT EXISTS (SELECT FROM %s WHERE target_id %s AND status IN (''SCHEDULED'', ''RETRY''))',
            name, CASE WHEN target IS NULL THEN 'IS NULL' ELSE format('= %L', target) END
        ) INTO found;
        IF found THEN
            RETURN true;
        END IF;
    END LOOP;
    RETURN false;
END
$$;

-- Drops a partition, and attempts and attachments of its notifications, unless something in it is still to be
-- delivered. What takes long comes first: from DETACH on, nothing is created or delivered.
CREATE FUNCTION notification_system_drop_partition(name regclass) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('lock_timeout', '5s', true);
    IF NOT notification_system_waits(name) THEN
        EXECUTE format(
            'DELETE FROM notification_system_attempt WHERE notification_id IN (SELECT id FROM %s)',
            name
        );
        EXECUTE format(
            'DELETE FROM notification_system_attachment WHERE notification_id IN (SELECT id FROM %s)',
            name
        );
        EXECUTE format('ALTER TABLE notification_system_notification DETACH PARTITION %s', name);
    END IF;
    IF notification_system_waits(name) THEN
        RAISE EXCEPTION 'Notifications in % are still to be delivered.', name;
    END IF;
    EXECUTE format('DROP TABLE %s', name);
END
$$;
