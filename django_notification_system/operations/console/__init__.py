"""The commands' output and options."""
