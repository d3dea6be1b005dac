"""What delivers to a target: one module for each, and the interface for those of a project."""
