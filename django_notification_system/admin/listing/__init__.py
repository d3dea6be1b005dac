"""The list of notifications: columns, filters, search, pages."""
