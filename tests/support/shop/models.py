import uuid

from django.contrib.auth.models import User
from django.db import models


class Order(models.Model):
    number = models.IntegerField()
    is_cancelled = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"#{self.number}"


class Parcel(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    order = models.ForeignKey(Order, on_delete=models.CASCADE)

    def __str__(self) -> str:
        return str(self.id)


class Profile(models.Model):
    # Users are deleted without a query to this table, which not every test's database has.
    user = models.OneToOneField(User, on_delete=models.DO_NOTHING, db_constraint=False)
    language = models.CharField(max_length=10, blank=True)
    time_zone = models.CharField(max_length=50, blank=True)

    def __str__(self) -> str:
        return self.language
