"""The kinds of messages that a person may switch off."""

from django_notification_system.categories import Category, register

NEWS = register(Category("news", label="Newsletter", targets=("email",)))
