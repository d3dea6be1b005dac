"""The workers' handlers: one that may be slow, as email is, and one that never is."""
