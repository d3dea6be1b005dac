"""The tags for templates."""
