"""The two commands: ``process_notifications`` and ``create_email_target_user_records``."""
