"""What makes notifications for a target: one module for each, and ``notify()`` for all of them."""
