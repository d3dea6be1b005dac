"""Metrics for Prometheus: how deep the queue is, what is attempted, and how long it takes.

Add ``"django_notification_system.contrib.prometheus"`` to ``INSTALLED_APPS``.
"""
