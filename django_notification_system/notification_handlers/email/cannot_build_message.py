"""Why a notification makes no mail."""


class CannotBuildMessage(Exception):
    """A notification makes no mail; the text says why and what to do.

    Attributes:
        temporary: Whether it may do so later.
    """

    def __init__(self, reason: str, *, temporary: bool = False) -> None:
        super().__init__(reason)
        self.temporary = temporary
