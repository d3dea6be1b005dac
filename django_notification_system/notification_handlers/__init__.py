"""The built-in handlers, a package for every provider, and the interface for a project's own."""
