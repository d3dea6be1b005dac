"""Metrics for Prometheus: the queue's depth, the attempts, and the providers' time.

Add ``"django_notification_system.contrib.prometheus"`` to ``INSTALLED_APPS``.
"""
