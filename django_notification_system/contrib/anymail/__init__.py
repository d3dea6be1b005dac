"""Providers' reports on emails, received by the webhooks of django-anymail.

Add ``"django_notification_system.contrib.anymail"`` to ``INSTALLED_APPS``, behind ``"anymail"``.
The integration is a package because Django would take a module for the app ``anymail`` itself.
"""
