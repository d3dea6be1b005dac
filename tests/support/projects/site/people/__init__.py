"""Users with a UUID and an email address."""
