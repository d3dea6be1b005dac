"""The sentence that django-notifications-hq makes of actor, verb and objects."""

from .models.event import TITLE_MAX_LENGTH


def sentence(actor: str, verb: str, action_object: str = "", about: str = "") -> str:
    """Return the title, cut to the inbox's length: "egg uploaded a.txt on report".

    Args:
        actor: The actor's name; empty where the actor is gone.
        verb: What the actor did.
        action_object: The name of what the actor made or used; empty: nothing.
        about: The name of the object that it was done to; empty: nothing.
    """
    words = [actor, verb, action_object]
    if about:
        words += ["on" if action_object else "", about]
    title = " ".join(" ".join(filter(None, words)).split())
    return title if len(title) <= TITLE_MAX_LENGTH else f"{title[: TITLE_MAX_LENGTH - 1]}…"
