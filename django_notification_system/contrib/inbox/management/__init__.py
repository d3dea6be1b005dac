"""The commands of the inbox."""
