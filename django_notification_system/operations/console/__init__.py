"""What commands print, and how they read their options."""
