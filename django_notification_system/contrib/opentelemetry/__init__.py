"""Traces for OpenTelemetry: one span for a batch, and one below for each call to a provider.

Add ``"django_notification_system.contrib.opentelemetry"`` to ``INSTALLED_APPS``.
"""
