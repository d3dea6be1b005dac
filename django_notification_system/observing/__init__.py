"""Observers of deliveries: logs, metrics, traces."""
