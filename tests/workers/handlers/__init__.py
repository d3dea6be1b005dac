"""The workers' one handler."""
