from collections.abc import Collection

from shop.models import Profile


def of_users(keys: Collection[int]) -> dict[int, str]:
    return dict(Profile.objects.filter(user__in=keys).values_list("user", "language"))
