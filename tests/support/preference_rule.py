"""The rule of preferences as a plain model, with the categories and words to ask it about."""

from itertools import product

from django_notification_system.categories import Category

#: Category, target; "" is for all.
PLACES = (("news", "email"), ("news", ""), ("", "email"))
WORDS = (None, "yes", "no", "pending")
CATEGORIES = [
    Category("news", label="", targets=targets, opt_in=opt_in)
    for targets, opt_in in product(
        (None, ("email",), ("expo",), ()), (False, True, ("email",), ("expo",))
    )
] + [Category("news", label="", mandatory=True)]


def is_allowed(category: Category, states: dict[tuple[str, str], str], opted_out: bool) -> bool:
    """The model: the specification's sentences, one after another."""
    if category.mandatory:
        return True
    words = [states.get(place) for place in PLACES]
    if opted_out or "no" in words:
        return False
    is_on = category.targets is None or "email" in category.targets
    needs_yes = category.opt_in is True or "email" in (category.opt_in or ()) or not is_on
    return not needs_yes or "yes" in words[:2]
