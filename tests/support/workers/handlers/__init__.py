"""The workers' handlers: a handler that may be slow, like email, and a handler that never is."""
