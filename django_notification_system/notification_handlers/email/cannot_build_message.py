"""Why a notification makes no mail."""


class CannotBuildMessage(Exception):
    """A notification makes no mail; the text gives the reason and the next step.

    Attributes:
        temporary: Whether a later attempt may succeed.
    """

    def __init__(self, reason: str, *, temporary: bool = False) -> None:
        super().__init__(reason)
        self.temporary = temporary
