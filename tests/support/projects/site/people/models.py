"""A user model that shares as little as it may with Django's own."""

import uuid

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models

from django_notification_system.contrib.inbox.compat.user import HasNotifications


class PersonManager(BaseUserManager):
    """Makes people."""

    def create_user(self, email_address, password=None, **fields):
        person = self.model(email_address=email_address, **fields)
        person.set_password(password)
        person.save(using=self._db)
        return person

    def create_superuser(self, email_address, password=None, **fields):
        return self.create_user(email_address, password, is_staff=True, **fields)


class Person(HasNotifications, AbstractBaseUser):
    """Somebody who logs in with an email address."""

    key = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email_address = models.EmailField(unique=True)
    is_staff = models.BooleanField(default=False)

    objects = PersonManager()

    EMAIL_FIELD = "email_address"
    USERNAME_FIELD = "email_address"

    def has_perm(self, permission, obj=None):
        return self.is_staff

    def has_module_perms(self, app_label):
        return self.is_staff


class Complaint(models.Model):
    """What somebody has against a notification."""

    about = models.ForeignKey(
        "django_notification_system.Notification", on_delete=models.CASCADE, related_name="+"
    )
    evidence = models.ForeignKey(
        "django_notification_system.Notification",
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
    )

    def __str__(self):
        return f"About {self.about_id}"
