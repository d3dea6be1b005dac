"""Optional integrations, one file or package for each; a project imports them by name."""
