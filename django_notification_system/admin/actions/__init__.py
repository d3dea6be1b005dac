"""The admin's actions on notifications, one or many."""
