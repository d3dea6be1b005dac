"""Text that grows word by word: lines, empty lines in between, prefixes before the lines."""

import re

#: HTML's white space, without the no-break space.
WHITE_SPACE = re.compile(r"[ \t\n\f\r]+")
LINE_END = re.compile(r"\r\n|\r|\n")
SPACES = " \t\n\f\r"
NO_BREAK_SPACE = "\xa0"
SPACERS = f"{NO_BREAK_SPACE} "
#: The largest number of newlines from elements and ``<br>``: two empty lines.
MOST_NEWLINES = 3
#: The largest width of indents, in columns; a line should have 78.
WIDEST_PREFIX = 40


class Allowance:
    """How many characters are left for indents, columns and rules.

    HTML of a few characters can ask for any number of such characters. One allowance for a whole
    text keeps the text about as long as its HTML, whatever the markup.

    Args:
        characters: How many characters may be spent.
    """

    def __init__(self, characters: int) -> None:
        self._left = characters

    def take(self, characters: int) -> bool:
        """Spend some characters, unless too few are left; return whether they were spent.

        Args:
            characters: How many characters.
        """
        if characters > self._left:
            return False
        self._left -= characters
        return True


class Flow:
    """A mail's lines of text, one below the other.

    Args:
        allowance: For the prefixes of lines.

    Attributes:
        lines: The complete lines.
        prefix: Stands before every line: an indent, or a sign of quotation.
        marker: Stands before the next line in place of the prefix: a list item's number.
        has_blocks: Whether an element began a line.
    """

    # Slots: a table has a flow for each cell.
    __slots__ = (
        "_allowance",
        "_has_spacer",
        "_is_spaced",
        "_newlines",
        "_pieces",
        "_prefix_between",
        "has_blocks",
        "lines",
        "marker",
        "prefix",
    )

    def __init__(self, allowance: Allowance) -> None:
        self.lines: list[str] = []
        self.prefix = ""
        self.marker: str | None = None
        self.has_blocks = False
        self._allowance = allowance
        #: The line begun: prefix and words; empty where no line is begun.
        self._pieces: list[str] = []
        self._is_spaced = False
        self._newlines = 0
        self._has_spacer = False
        self._prefix_between = ""

    def write(self, text: str) -> None:
        """Write text whose white space only parts words.

        Args:
            text: The text.
        """
        # str.split() also parts at characters beyond ASCII that HTML takes for letters.
        words = " ".join(text.split()) if text.isascii() else WHITE_SPACE.sub(" ", text).strip(" ")
        if not words:
            if text:
                self._is_spaced = True
        elif not self._pieces and words[0] == NO_BREAK_SPACE and not words.strip(SPACERS):
            self._has_spacer = True
        else:
            # As in _append(); a mail has hundreds of texts, and a call less for each is felt.
            pieces = self._pieces
            if not pieces:
                self._begin_line()
            elif self._is_spaced or text[0] in SPACES:
                pieces.append(" ")
            pieces.append(words)
            self._is_spaced = text[-1] in SPACES

    def write_as_it_is(self, text: str) -> None:
        """Write text whose line breaks and spaces count.

        Args:
            text: The text.
        """
        first, *others = LINE_END.split(text)
        if first:
            self._append(first)
        for line in others:
            self._end_line()
            self._newlines += 1
            if line:
                self._append(line)

    def write_in_lines(self, text: str) -> None:
        """Write text whose line breaks count, and whose spaces only part words.

        Args:
            text: The text.
        """
        first, *others = LINE_END.split(text)
        self.write(first)
        for line in others:
            self.break_line()
            self.write(line)

    def write_line(self, line: str) -> None:
        """Write a line; the next text begins another line.

        Args:
            line: The line, without an end of line.
        """
        if line:
            self._append(line)
        self._end_line()
        self._newlines += 1

    def write_behind(self, text: str) -> None:
        """Write behind the last word, even if the word's line is complete.

        Args:
            text: The text.
        """
        if self.lines and not self._pieces:
            self.lines[-1] += f" {text}"
            return
        was_spaced = self._is_spaced
        self._is_spaced = True
        self._append(text)
        self._is_spaced = was_spaced

    def break_line(self) -> None:
        """Begin a line; leave the present line empty if nothing is written there."""
        if self._pieces:
            self.part(1)
        else:
            self._newlines = max(self._newlines, min(self._newlines + 1, MOST_NEWLINES))
        self._is_spaced = False

    def part(self, newlines: int) -> None:
        """Put at least a number of newlines between the last text and the next.

        Args:
            newlines: The number of newlines.
        """
        if self._pieces:
            self._end_line()
        if self._has_spacer:
            self._has_spacer = False
            newlines = 2
        if newlines > self._newlines:
            self._newlines = newlines
        if len(self.prefix) < len(self._prefix_between):
            self._prefix_between = self.prefix

    def flush_into(self, other: "Flow") -> None:
        """Write all lines into another flow; a line not yet complete stays so there.

        Args:
            other: The other flow.
        """
        for line in self.lines:
            other.write_line(line)
        other.part(self._newlines)
        if self._pieces:
            other._append("".join(self._pieces))
            other._is_spaced = self._is_spaced

    def finish(self) -> list[str]:
        """Return the lines."""
        self._end_line()
        return self.lines

    def _append(self, text: str) -> None:
        if self._pieces:
            if self._is_spaced:
                self._pieces.append(" ")
        else:
            self._begin_line()
        self._pieces.append(text)
        self._is_spaced = False

    def _begin_line(self) -> None:
        if self._newlines > 1 and self.lines:
            between = min(self._prefix_between, self.prefix, key=len).rstrip(" ")
            self.lines.extend([between] * (self._newlines - 1))
        start = self.prefix if self.marker is None else self.marker
        if start:
            if not self._allowance.take(len(start)):
                start = start.strip(" ")
            self._pieces.append(start)
        self._newlines = 0
        self._has_spacer = False
        self.marker = None

    def _end_line(self) -> None:
        self._is_spaced = False
        if self._pieces:
            self.lines.append("".join(self._pieces).rstrip(" \t"))
            self._pieces.clear()
            self._prefix_between = self.prefix
