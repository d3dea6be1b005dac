"""Django looks here for the management commands."""
