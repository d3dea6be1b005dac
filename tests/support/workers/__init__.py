"""A project whose workers run as processes of their own, on a database that they share."""
