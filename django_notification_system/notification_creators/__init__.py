"""``notify()`` for all targets, and the built-in targets' creators, a module for every target."""
