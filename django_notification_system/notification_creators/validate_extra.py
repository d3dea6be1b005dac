"""The content of ``extra``: JSON that every database can store."""
