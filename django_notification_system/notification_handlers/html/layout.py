"""The places of a document's words: lists, quotations, tables and links in the manner of texts."""

import re
from collections.abc import Callable, Mapping

from .flow import WIDEST_PREFIX, Allowance, Flow
from .numbering import LIST_STYLES, numbered
from .style import Style
from .table import Cell, Table

#: Even a document of a few characters may have an indent.
SMALLEST_ALLOWANCE = 500
RULE = "-" * 10
INTEGER = re.compile(r"\s*+([+-]?[0-9]{1,9})(?![0-9])")
FOLLOWABLE = ("http:", "https:", "mailto:", "tel:", "sms:")
#: The URL standard, section 4.4: browsers remove these from a link's target.
LINE_BREAK_OR_TAB = re.compile(r"[\t\n\r]")
#: Characters that would end a target too early in a mail program; no URI has them (RFC 3986,
#: appendix A).
NOT_IN_URI = re.compile(r"[ <>]")

End = Callable[[], None]


class Link:
    """A link whose text is being written.

    Args:
        target: The link's target.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self.texts: list[str] = []
        self.has_image = False

    @property
    def has_words(self) -> bool:
        """Whether the link has a text, and not only a picture."""
        return any(not text.isspace() for text in self.texts)

    @property
    def shown(self) -> str:
        """The text behind the link's own: the target, unless the link's own text says the same."""
        text = " ".join("".join(self.texts).split())
        if not text and not self.has_image:
            return ""
        without_scheme = self.target.partition(":")[2]
        same = (self.target, without_scheme, without_scheme.removeprefix("//"))
        is_same = text.rstrip("/") in (each.rstrip("/") for each in same)
        return "" if is_same else f"<{NOT_IN_URI.sub(_percent_encoded, self.target)}>"


class Layout:
    """A document's text as it grows.

    A table's cells are kept apart until the table is known to have columns or not. As soon as
    anything in the table needs lines of its own (a table, a list), the table is written out. So at
    most one table is kept at a time, and no text is moved twice, however deep tables are nested.

    Args:
        length: How many characters the document has.
    """

    def __init__(self, length: int) -> None:
        self._allowance = Allowance(max(length, SMALLEST_ALLOWANCE))
        self._page = Flow(self._allowance)
        self._table: Table | None = None
        #: Of each open list: the next item's number, or ``None``, and the kind of numbers.
        self._counters: list[tuple[int | None, str]] = []
        self._link: Link | None = None
        self._last_target = ""
        self._caption = ""
        #: Where words go: the page, or the open cell.
        self.flow = self._page

    def lines(self) -> list[str]:
        """Return all lines."""
        self._write_table_out()
        return self._page.finish()

    def write(self, text: str, white_space: str) -> None:
        """Write the text between two tags.

        Args:
            text: The text.
            white_space: ``""``, ``"pre"`` or ``"pre-line"``: the meaning of line breaks and spaces.
        """
        if not white_space:
            self.flow.write(text)
        elif white_space == "pre-line":
            self.flow.write_in_lines(text)
        else:
            self.flow.write_as_it_is(text)
        if self._link is not None:
            self._link.texts.append(text)
        if self._caption and not text.isspace():
            self._caption = ""

    def write_image(self, text: str, *, has_lines: bool) -> None:
        """Write the text in place of an image; the same text in a row only once.

        Args:
            text: The text.
            has_lines: Whether the image stands on lines of its own.
        """
        caption = " ".join(text.split())
        if self._link is not None:
            self._link.has_image = True
        if has_lines:
            self.flow.part(1)
        if caption and caption != self._caption:
            self.flow.write(f"[{caption}]")
            self._caption = caption
            if has_lines:
                self.flow.part(1)

    def write_rule(self) -> None:
        """Write a line that parts the text above from the text below."""
        self.begin_block(1)
        if self._allowance.take(len(RULE)):
            self.flow.write(RULE)
        self.flow.part(1)

    def begin_block(self, newlines: int) -> End:
        """Begin a line, with newlines before it; return the function to end the block.

        Args:
            newlines: The number of newlines.
        """
        self.flow.part(newlines)
        self.flow.has_blocks = True
        return lambda: self.flow.part(newlines)

    def begin_quotation(self) -> End:
        """Begin a quoted text."""
        return self._indent("> ", 2)

    def begin_description(self) -> End:
        """Begin the description of a term."""
        return self._indent("    ", 1)

    def begin_list(self) -> End:
        """Begin a list whose items have no numbers."""
        return self._begin_list(None)

    def begin_numbered_list(self, attributes: Mapping[str, str], style: Style) -> End:
        """Begin a list whose items have numbers.

        Args:
            attributes: The element's attributes; ``start`` is the first number, ``type`` the kind.
            style: The element's style, which wins over ``type``.
        """
        kinds = [LIST_STYLES[word] for word in style.list_style.split() if word in LIST_STYLES]
        kind = kinds[0] if kinds else attributes.get("type", "")
        return self._begin_list(_integer(attributes.get("start"), 1), kind)

    def begin_item(self, attributes: Mapping[str, str]) -> End:
        """Begin an item of the innermost list.

        Args:
            attributes: The element's attributes, by name.
        """
        counter, kind = self._counters[-1] if self._counters else (None, "")
        sign = "* "
        if counter is not None:
            number = _integer(attributes.get("value"), counter)
            self._counters[-1] = number + 1, kind
            sign = f"{numbered(number, kind)}. "
        outer = self.flow.prefix
        end_block = self._indent(" " * (2 + len(sign)), 1)
        self.flow.marker = f"{outer}  {sign}"

        def end() -> None:
            self.flow.marker = None
            end_block()

        return end

    def begin_link(self, target: str | None) -> End | None:
        """Begin the text of a link; only targets that a person can follow are shown.

        Args:
            target: The link's address, if any.
        """
        target = LINE_BREAK_OR_TAB.sub("", (target or "").strip())
        if not target.lower().startswith(FOLLOWABLE):
            return None
        link = self._link = Link(target)

        def end() -> None:
            if self._link is link:
                self._link = None
                # A picture without words often leads to the same place as the words beside it.
                if link.shown and (link.has_words or link.target != self._last_target):
                    self.flow.write_behind(link.shown)
                self._last_target = link.target

        return end

    def begin_table(self) -> End:
        """Begin a table."""
        self._write_table_out()
        self.flow.part(2)
        self._table = Table()
        return self._end_table

    def begin_row(self) -> End | None:
        """Begin a row of the innermost table."""
        if self._table is None:
            return self.begin_block(2)
        self._table.begin_row()
        return None

    def begin_cell(self, attributes: Mapping[str, str], style: Style) -> End:
        """Begin a cell of the innermost table.

        Args:
            attributes: The cell's attributes: ``rowspan``, ``colspan`` and ``align`` count.
            style: The cell's style.
        """
        if self._table is None:
            return self.begin_block(2)
        cell = self.flow = Cell(self._allowance)
        if attributes:
            cell.rows = _integer(attributes.get("rowspan"), 1)
            cell.span = max(1, _integer(attributes.get("colspan"), 1))
            cell.is_right = style.is_right or attributes.get("align", "").lower() == "right"
        return self._end_cell

    def _begin_list(self, counter: int | None, kind: str = "") -> End:
        self._write_table_out()
        end_block = self.begin_block(1)
        self._counters.append((counter, kind))

        def end() -> None:
            end_block()
            self._counters.pop()

        return end

    def _end_cell(self) -> None:
        cell = self.flow
        # Where the table was written out within the cell, words go to the page.
        if isinstance(cell, Cell) and self._table is not None:
            self.flow = self._page
            cell.finish()
            self._table.add(cell)
        else:
            cell.part(2)

    def _end_table(self) -> None:
        if self._table is not None:
            self._table.write(self._page, self._allowance)
            self._table = None
        self.flow.part(2)

    def _write_table_out(self) -> None:
        """Write the kept table, if any, and go on on the page."""
        if self._table is None:
            return
        self._table.write_apart(self._page)
        self._table = None
        cell, self.flow = self.flow, self._page
        if cell is not self._page:
            self._page.part(2)
            cell.flush_into(self._page)

    def _indent(self, indent: str, newlines: int) -> End:
        self._write_table_out()
        end_block = self.begin_block(newlines)
        outer = self._page.prefix
        if len(outer) + len(indent) <= WIDEST_PREFIX:
            self._page.prefix = outer + indent

        def end() -> None:
            end_block()
            self._page.prefix = outer

        return end


def _integer(text: str | None, otherwise: int) -> int:
    """Return a number of an attribute (the HTML standard, section 2.3.4.1)."""
    found = INTEGER.match(text or "")
    return int(found[1]) if found else otherwise


def _percent_encoded(character: re.Match[str]) -> str:
    return f"%{ord(character[0]):02X}"
