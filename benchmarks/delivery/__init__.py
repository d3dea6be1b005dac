"""How fast notifications are delivered, against rivals and the limits of the wire."""
