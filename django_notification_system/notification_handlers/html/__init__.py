"""HTML as plain text, and plain text as HTML."""
