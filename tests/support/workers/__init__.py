"""A project with workers in separate processes, on a shared database."""
