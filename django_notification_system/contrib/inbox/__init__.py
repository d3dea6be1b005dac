"""The inbox: notifications that people read on the site itself.

Add ``"django_notification_system.contrib.inbox"`` to ``INSTALLED_APPS`` and run ``migrate``. Then
``notify(users, …, target=["inbox", "Email"])`` writes into the inbox too.
"""
