"""What a mail provider reports of emails, by the webhooks of django-anymail.

Add ``"django_notification_system.contrib.anymail"`` to ``INSTALLED_APPS``, behind ``"anymail"``.
It is a package for that alone: Django would take a module for the app ``anymail`` itself.
"""
