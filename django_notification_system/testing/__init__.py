"""Stand-ins for the providers on real local sockets, for tests, demos and development."""
