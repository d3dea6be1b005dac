"""Traces for OpenTelemetry: a span for each batch, and one for each call to a provider in it.

Add ``"django_notification_system.contrib.opentelemetry"`` to ``INSTALLED_APPS``.
"""
