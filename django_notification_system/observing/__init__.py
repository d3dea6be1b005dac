"""Who watches deliveries: logs, metrics, traces."""
