"""Tables as text: in columns where they fit a line, else all cells below each other."""

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from .flow import Allowance, Flow

#: RFC 5322, section 2.1.1: a line should have no more characters than 78.
WIDEST_LINE = 78
GAP = "  "


@dataclass(frozen=True)
class Cell:
    """A cell's content.

    Attributes:
        lines: The cell's text.
        span: How many columns the cell takes.
        is_right: Whether the text stands at the column's right, as amounts do.
        has_blocks: Whether an element in the cell began a line.
    """

    lines: list[str]
    span: int = 1
    is_right: bool = False
    has_blocks: bool = False


@dataclass
class Table:
    """The rows of a table, from top to bottom.

    Attributes:
        rows: The rows' cells, empty cells included.
    """

    rows: list[list[Cell]] = field(default_factory=list)
    _column: int = 0
    #: By column: in how many rows from here on the column belongs to a cell of a row above.
    _taken: dict[int, int] = field(default_factory=dict)

    def begin_row(self) -> None:
        """Begin another row."""
        self.rows.append([])
        self._column = 0
        self._taken = {column: rows - 1 for column, rows in self._taken.items() if rows > 1}

    def add(self, cell: Cell, rows: int = 1) -> None:
        """Put a cell into the row, behind the cells there.

        Args:
            cell: The cell.
            rows: How many rows the cell spans.
        """
        if not self.rows:
            self.begin_row()
        start = self._column
        while self._column in self._taken:
            self._column += 1
        if self._column > start:
            self.rows[-1].append(Cell([], span=self._column - start))
        self.rows[-1].append(cell)
        if rows > 1:
            end = min(self._column + cell.span, WIDEST_LINE)
            self._taken.update(dict.fromkeys(range(self._column, end), rows))
        self._column += cell.span

    def write(self, flow: Flow, allowance: Allowance) -> None:
        """Write the table: in columns if the columns fit and the allowance lasts.

        Args:
            flow: The lines to write to.
            allowance: The characters left for columns.
        """
        self.rows = [row for row in self.rows if any(cell.lines for cell in row)]
        columns = _columns(self.rows)
        if columns is None or not allowance.take(_padding(self.rows, columns)):
            self.write_apart(flow)
            return
        for row in self.rows:
            for line in _aligned(row, columns):
                flow.write_line(line)

    def write_apart(self, flow: Flow) -> None:
        """Write the table without columns."""
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
    """Return how many columns a text takes where all characters are equally wide."""
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


def _columns(rows: list[list[Cell]]) -> list[int] | None:
    """Return the columns' widths, or ``None`` where no columns fit or the table has none."""
    in_columns = [row for row in rows if sum(bool(cell.lines) for cell in row) > 1]
    placed = [each for row in in_columns for each in _places(row)]
    if not placed or any(column + cell.span > WIDEST_LINE for column, cell in placed):
        return None
    widths = [0] * max(column + cell.span for column, cell in placed)
    # Cells across several columns come last: they need only the space that other cells leave.
    for column, cell in sorted(placed, key=lambda place: place[1].span > 1):
        last = column + cell.span
        missing = max(map(width, cell.lines)) - _space(widths[column:last])
        widths[last - 1] += max(0, missing)
    return widths if _space(widths) <= WIDEST_LINE else None


def _places(row: list[Cell]) -> Iterator[tuple[int, Cell]]:
    """Yield the cells with a text, and the number of their first column."""
    column = 0
    for cell in row:
        if cell.lines:
            yield column, cell
        column += cell.span


def _space(widths: list[int]) -> int:
    """Return the width of columns together; empty columns take no space."""
    used = [each for each in widths if each]
    return sum(used) + len(GAP) * max(0, len(used) - 1)


def _padding(rows: list[list[Cell]], columns: list[int]) -> int:
    """Return how many characters the columns take, at the most."""
    lines = sum(max((len(cell.lines) for cell in row), default=0) for row in rows)
    return lines * (sum(columns) + len(GAP) * len(columns))


def _aligned(row: list[Cell], columns: list[int]) -> list[str]:
    """Return a row's lines."""
    filled = [cell for cell in row if cell.lines]
    if len(filled) == 1 and (filled[0].span > 1 or len(row) == 1):
        return filled[0].lines
    lines = [""] * max(len(cell.lines) for cell in filled)
    column = start = 0
    for cell in row:
        is_right = cell.is_right and not _is_right_to_left(cell.lines)
        space = _space(columns[column : column + cell.span])
        for number, text in enumerate(cell.lines):
            line = lines[number]
            missing = start + (space - width(text) if is_right else 0) - width(line)
            lines[number] = line + (" " * missing or (GAP if line else "")) + text
        column += cell.span
        start += space + len(GAP) if space else 0
    return lines
