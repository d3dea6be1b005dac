"""The storm's provider."""
