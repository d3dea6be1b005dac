"""Walk through HTML from tag to tag, with a stack of open elements.

No tree is made. The HTML standard has a parser repeat elements left open (section 13.2.4.3), so
that a tree can be as large as the square of its source. Here every tag is read once, and every open
element ended once, whatever the markup.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from turbohtml import Token, TokenType, tokenize

from .elements import (
    BLOCKS,
    CELLS,
    ENDED_BY,
    LISTS,
    PREFORMATTED,
    SCOPES,
    SPECIAL,
    TABLE_PARTS,
    UNSEEN,
    VOID,
)
from .layout import End, Layout
from .style import KEEPS_SPACES, ORDINARY, Style, style_of

#: Kept here, because a lookup in the class costs as much as the comparison.
TEXT, START_TAG, END_TAG = TokenType.TEXT, TokenType.START_TAG, TokenType.END_TAG
COMMENT, DOCTYPE = TokenType.COMMENT, TokenType.DOCTYPE
NO_ATTRIBUTES: Mapping[str, str] = {}
MATTERING = SPECIAL | {"a", "q"}
FOREIGN = frozenset({"math", "svg"})
MEANING_OF_WHITE_SPACE = {**dict.fromkeys(KEEPS_SPACES, "pre"), "pre-line": "pre-line"}


@dataclass(slots=True)
class OpenElement:
    """An element whose end has not come.

    Attributes:
        name: The tag's name.
        is_hidden: Whether nothing in the element is shown.
        white_space: ``""``, ``"pre"`` or ``"pre-line"``: the meaning of line breaks and spaces.
        end: Called at the element's end.
        is_over: Whether the end tag has come, while elements inside are still open.
    """

    name: str
    is_hidden: bool
    white_space: str
    end: End | None = None
    is_over: bool = False


def lines_of(source: str) -> list[str]:
    """Return HTML as lines of text."""
    return _Walk(source).lines()


class _Walk:
    def __init__(self, source: str) -> None:
        self._source = source
        self._layout = Layout(len(source))
        self._page = OpenElement("", is_hidden=False, white_space="")
        self._top = self._page
        self._open: list[OpenElement] = []
        #: By name: the places of elements in ``_open``, so that no search is needed.
        self._positions: defaultdict[str, list[int]] = defaultdict(list)
        self._specials: list[int] = []
        #: Without a doctype, a table does not end a paragraph (the HTML standard, "quirks").
        self._has_doctype = False
        self._is_for_all_but_outlook = False
        self._is_first_in_preformatted = False

    def lines(self) -> list[str]:
        for token in tokenize(self._source):
            kind = token.type
            if kind is TEXT:
                if not self._top.is_hidden:
                    self._text(token.data or "")
            elif kind is START_TAG:
                self._start(token)
            elif kind is END_TAG:
                self._end(token.tag or "")
            elif kind is COMMENT:
                self._comment(token.data or "")
            elif kind is DOCTYPE:
                self._has_doctype = True
        self._end_all_from(0)
        return self._layout.lines()

    def _text(self, text: str) -> None:
        if self._is_first_in_preformatted:
            text = text.removeprefix("\r").removeprefix("\n")
            self._is_first_in_preformatted = False
        self._layout.write(text, self._top.white_space)

    def _comment(self, text: str) -> None:
        # Outlook's: "<!--[if !mso]><!-->" begins a part for other programs, "<!--<![endif]-->" ends
        # it.
        if "[endif]" in text:
            self._is_for_all_but_outlook = False
        elif text.startswith("[if !mso"):
            self._is_for_all_but_outlook = True

    def _start(self, token: Token) -> None:
        name = token.tag or ""
        if name in TABLE_PARTS and not self._positions.get("table"):
            self._stray_table_part()
            return
        if name in ENDED_BY and (name != "table" or self._has_doctype):
            self._end_what_it_ends(name)
        attributes = dict(given) if (given := token.attrs) else NO_ATTRIBUTES
        style = style_of(attributes) if attributes else ORDINARY
        top = self._top
        is_hidden = top.is_hidden or name in UNSEEN or self._is_hidden_by(style, name)
        if name in VOID:
            if not is_hidden:
                self._void(name, attributes)
            return
        white_space = "pre" if name in PREFORMATTED else top.white_space
        if style.white_space:
            white_space = MEANING_OF_WHITE_SPACE.get(style.white_space, "")
        # Other elements change neither the text nor the end of another element.
        if (
            name in MATTERING
            or self._positions.get(name)
            or style.begins_line
            or is_hidden is not top.is_hidden
            or white_space != top.white_space
        ):
            if token.self_closing and name in FOREIGN:
                return
            end = None if is_hidden else self._begin(name, attributes, style)
            self._push(OpenElement(name, is_hidden, white_space, end))

    def _stray_table_part(self) -> None:
        """Take a part of a table outside a table for a block; browsers ignore such tags."""
        if not self._top.is_hidden:
            self._layout.begin_block(1)

    def _is_hidden_by(self, style: Style, name: str) -> bool:
        if style.is_hidden or not style.is_hidden_in_outlook:
            return style.is_hidden
        # A button has this style too, beside a button for Outlook alone in a comment.
        return name != "a" and not self._is_for_all_but_outlook

    def _void(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "br":
            self._layout.flow.break_line()
        elif name == "hr":
            self._layout.write_rule()
        elif name == "img":
            self._layout.write_image(attributes.get("alt", ""))

    def _begin(self, name: str, attributes: Mapping[str, str], style: Style) -> End | None:
        """Begin a shown element; return the function that ends the element."""
        layout = self._layout
        if name in CELLS:
            is_right = style.is_right or attributes.get("align", "").lower() == "right"
            return layout.begin_cell(attributes, is_right)
        if name == "tr":
            return layout.begin_row()
        if name == "table":
            return layout.begin_table()
        if name == "a":
            if style.begins_line:
                layout.begin_block(1)
            return layout.begin_link(attributes.get("href"))
        if name == "q":
            layout.flow.write('"')
            return lambda: layout.flow.write('"')
        if name in LISTS:
            return layout.begin_list(name, attributes)
        if name == "li":
            return layout.begin_item(attributes)
        if name == "blockquote":
            return layout.begin_quotation()
        if name == "dd":
            return layout.begin_description()
        self._is_first_in_preformatted = name in PREFORMATTED
        newlines = BLOCKS.get(name) or int(style.begins_line or name == "caption")
        return layout.begin_block(newlines) if newlines else None

    def _push(self, element: OpenElement) -> None:
        position = len(self._open)
        if element.name in SPECIAL:
            self._specials.append(position)
        self._positions[element.name].append(position)
        self._open.append(element)
        self._top = element

    def _end(self, name: str) -> None:
        if name == "br":
            self._layout.flow.break_line()
        positions = self._positions.get(name)
        if not positions:
            if name in TABLE_PARTS:
                self._stray_table_part()
            return
        position = positions[-1]
        if position == len(self._open) - 1:
            self._end_all_from(position)
        elif name in SPECIAL:
            bounds = {"table", "template"} if name in TABLE_PARTS or name == "table" else SCOPES
            if position >= self._last(bounds):
                self._end_all_from(position)
        elif not self._specials or position > self._specials[-1]:
            self._end_all_from(position)
        else:
            self._end_early(self._open[position])

    def _end_early(self, element: OpenElement) -> None:
        """End an element around open elements that stay open: ``<b><p></b>``."""
        self._positions[element.name].pop()
        element.is_over = True
        if element.end is not None:
            element.end()
            element.end = None

    def _end_what_it_ends(self, name: str) -> None:
        ended, bounds = ENDED_BY[name]
        innermost = self._last(ended)
        if innermost >= 0 and innermost > (bound := self._last(bounds)):
            found = (self._positions[each][-1] for each in ended if self._positions.get(each))
            self._end_all_from(min(each for each in found if each > bound))

    def _last(self, names: frozenset[str] | set[str]) -> int:
        """Return the place of the innermost open element with any of these names, or -1."""
        last = -1
        for name in names:
            opened = self._positions.get(name)
            if opened and opened[-1] > last:
                last = opened[-1]
        return last

    def _end_all_from(self, position: int) -> None:
        opened = self._open
        while len(opened) > position or (opened and opened[-1].is_over):
            element = opened.pop()
            if self._specials and self._specials[-1] == len(opened):
                self._specials.pop()
            if not element.is_over:
                self._positions[element.name].pop()
            if element.end is not None:
                element.end()
        self._top = opened[-1] if opened else self._page
