"""Optional integrations, one a file; none is imported unless a project names it."""
