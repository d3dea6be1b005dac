"""What people do with notifications from the admin, one or many."""
