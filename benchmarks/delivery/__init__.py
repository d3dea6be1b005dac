"""How fast notifications are delivered, against other ways to do it and what the wire allows."""
