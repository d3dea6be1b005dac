"""Tables as text: in columns where they fit a line, else all cells below each other."""

import unicodedata
from dataclasses import dataclass, field
from itertools import accumulate, chain

from .flow import Allowance, Flow

#: RFC 5322, section 2.1.1: a line should have no more characters than 78.
WIDEST_LINE = 78
GAP = "  "


class Cell(Flow):
    """A cell of a table, and the lines of the cell's text.

    Args:
        allowance: As for a ``Flow``.

    Attributes:
        span: How many columns the cell takes.
        rows: How many rows the cell takes.
        is_right: Whether the text stands at the column's right, as amounts do.
        column: The number of the cell's first column.
        is_only: Whether the row has no other cell, not even one without a text.
    """

    # Defaults of the class, as most cells have them: no second constructor for each cell.
    span = 1
    rows = 1
    is_right = False
    column = 0
    is_only = True

    @property
    def width(self) -> int:
        """How many columns of characters the longest line takes."""
        if len(self.lines) == 1 and (line := self.lines[0]).isascii():
            return len(line)
        return max([width(line) for line in self.lines])

    @property
    def has_row_alone(self) -> bool:
        """Whether the cell, the only one of its row with a text, takes no notice of columns."""
        return self.span > 1 or self.is_only


@dataclass
class Table:
    """The rows of a table, from top to bottom.

    Attributes:
        rows: The rows' cells, empty cells included; not the places that cells of rows above take.
    """

    rows: list[list[Cell]] = field(default_factory=list)
    _column: int = 0
    #: By column: in how many rows from here on the column belongs to a cell of a row above.
    _taken: dict[int, int] = field(default_factory=dict)

    def begin_row(self) -> None:
        """Begin another row."""
        self.rows.append([])
        self._column = 0
        if self._taken:
            self._taken = {column: rows - 1 for column, rows in self._taken.items() if rows > 1}

    def add(self, cell: Cell) -> None:
        """Put a complete cell into the row, behind the cells there.

        Args:
            cell: The cell.
        """
        if not self.rows:
            self.begin_row()
        row = self.rows[-1]
        column = self._column
        while column in self._taken:
            column += 1
            cell.is_only = False
        if row:
            cell.is_only = row[0].is_only = False
        cell.column = column
        row.append(cell)
        self._column = column + cell.span
        if cell.rows > 1:
            end = min(self._column, WIDEST_LINE)
            self._taken.update(dict.fromkeys(range(cell.column, end), cell.rows))

    def write(self, flow: Flow, allowance: Allowance) -> None:
        """Write the table: in columns if the columns fit and the allowance lasts.

        Args:
            flow: The lines to write to.
            allowance: The characters left for columns.
        """
        rows = [cells for row in self.rows if (cells := [cell for cell in row if cell.lines])]
        starts = _starts(rows)
        if starts is None or not allowance.take(_height(rows) * starts[-1]):
            self.write_apart(flow)
            return
        for row in rows:
            for line in _aligned(row, starts):
                flow.write_line(line)

    def write_apart(self, flow: Flow) -> None:
        """Write the table without columns.

        Args:
            flow: Takes the lines.
        """
        rows = [[cell for cell in row if cell.lines] for row in self.rows]
        rows = [row for row in rows if row]
        together = [_together(row) for row in rows]
        has_blocks = any(cell.has_blocks or len(cell.lines) > 1 for cell in chain(*rows))
        newlines = 2 if has_blocks or not all(together) else 1
        for row, line in zip(rows, together, strict=True):
            flow.part(newlines)
            for text in [line] if all(together) else chain(*(cell.lines for cell in row)):
                flow.write_line(text)


def width(text: str) -> int:
    """Return how many columns a text takes where all characters are equally wide.

    Args:
        text: The text.
    """
    if text.isascii():
        return len(text)
    return sum(
        0
        if unicodedata.combining(character)
        else 2
        if unicodedata.east_asian_width(character) in "WF"
        else 1
        for character in text
    )


def _is_right_to_left(lines: list[str]) -> bool:
    """Return whether a text is shown from right to left: then its start is at the right."""
    return not all(map(str.isascii, lines)) and any(
        unicodedata.bidirectional(character) in ("R", "AL") for character in chain(*lines)
    )


def _together(row: list[Cell]) -> str:
    """Return a line with all cells of a row, or an empty text where the cells do not fit."""
    if any(len(cell.lines) > 1 for cell in row):
        return ""
    line = GAP.join(cell.lines[0] for cell in row)
    return line if len(row) == 1 or width(line) <= WIDEST_LINE else ""


def _starts(rows: list[list[Cell]]) -> list[int] | None:
    """Return where each column starts in a line, and where a next column would.

    Args:
        rows: The cells with a text.

    Returns:
        The places, or ``None`` where no columns fit or the table has none.
    """
    widths: list[int] = []
    spanning: list[tuple[Cell, int]] = []
    for row in rows:
        if len(row) == 1:
            continue
        for cell in row:
            end = cell.column + cell.span
            if end > len(widths):
                if end > WIDEST_LINE:
                    return None
                widths.extend([0] * (end - len(widths)))
            if cell.span > 1:
                spanning.append((cell, end))
            elif (needed := cell.width) > widths[cell.column]:
                widths[cell.column] = needed
    # Cells across several columns come last: they need only the space that other cells leave.
    for cell, end in spanning:
        space = sum(each + len(GAP) for each in widths[cell.column : end] if each)
        widths[end - 1] += max(0, cell.width - max(0, space - len(GAP)))
    starts = [0, *accumulate(each + len(GAP) if each else 0 for each in widths)]
    return starts if 0 < starts[-1] <= WIDEST_LINE + len(GAP) else None


def _height(rows: list[list[Cell]]) -> int:
    """Return how many lines rows take with their cells side by side."""
    return sum([max([len(cell.lines) for cell in row]) for row in rows])


def _aligned(row: list[Cell], starts: list[int]) -> list[str]:
    """Return a row's lines.

    Args:
        row: The row's cells with a text; at least one.
        starts: Where each column starts, and where a next column would.
    """
    if len(row) == 1 and row[0].has_row_alone:
        return row[0].lines
    lines: list[str] = []
    ends: list[int] = []
    last = len(starts) - 1
    for cell in row:
        column = cell.column
        start = starts[column if column < last else last]
        right = None
        if cell.is_right and not _is_right_to_left(cell.lines):
            right = starts[min(cell.column + cell.span, last)] - len(GAP)
        for number, text in enumerate(cell.lines):
            taken = len(text) if text.isascii() else width(text)
            if right is not None:
                start = max(0, right - taken)
            if number == len(lines):
                lines.append(" " * start + text)
                ends.append(start + taken)
                continue
            gap = " " * (start - ends[number]) or (GAP if lines[number] else "")
            lines[number] = f"{lines[number]}{gap}{text}"
            ends[number] += len(gap) + taken
    return lines
