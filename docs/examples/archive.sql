-- What has ended is moved to a table that holds no more than it must. For PostgreSQL.

CREATE TABLE notification_system_archive (LIKE notification_system_notification);
CREATE INDEX ON notification_system_archive USING brin (scheduled_delivery);

-- Moves so many of what was due, and last attempted, before a moment, and deletes their attempts and
-- attachments. Returns how many it moved; call it again until it returns 0.
CREATE FUNCTION notification_system_move_to_archive(before timestamptz, number int) RETURNS bigint
LANGUAGE sql AS $$
    WITH old AS (
        SELECT id FROM notification_system_notification
        WHERE scheduled_delivery < before
        AND (attempted_delivery IS NULL OR attempted_delivery < before)
        AND status NOT IN ('SCHEDULED', 'RETRY')
        AND (claimed_until IS NULL OR claimed_until < now())
        ORDER BY scheduled_delivery LIMIT number FOR UPDATE SKIP LOCKED
    ), attempts AS (
        DELETE FROM notification_system_attempt WHERE notification_id IN (SELECT id FROM old)
    ), attachments AS (
        DELETE FROM notification_system_attachment WHERE notification_id IN (SELECT id FROM old)
    ), moved AS (
        DELETE FROM notification_system_notification WHERE id IN (SELECT id FROM old) RETURNING *
    ), archived AS (
        INSERT INTO notification_system_archive SELECT * FROM moved RETURNING 1
    )
    SELECT count(*) FROM archived
$$;
