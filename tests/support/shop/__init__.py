"""An app as a project has one: orders, and people's languages; its tables need no migrations."""
