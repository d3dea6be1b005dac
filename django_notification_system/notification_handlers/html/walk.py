"""Walk through HTML from tag to tag, with a stack of open elements.

No tree is made. The HTML standard has a parser repeat elements left open (section 13.2.4.3), so
that a tree can be as large as the square of its source. Here every tag is read once, and every open
element ended once, whatever the markup.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from turbohtml import Token, TokenType, tokenize

from .elements import CELLS, ELEMENTS, LISTS, NO_EFFECT, SCOPES, Element
from .layout import End, Layout
from .style import KEEPS_SPACES, ORDINARY, Style, style_of

#: Kept here, because a lookup in the class costs as much as the comparison.
TEXT, START_TAG, END_TAG = TokenType.TEXT, TokenType.START_TAG, TokenType.END_TAG
COMMENT, DOCTYPE = TokenType.COMMENT, TokenType.DOCTYPE
NO_ATTRIBUTES: Mapping[str, str] = {}
BOUNDS_OF_TABLES = frozenset({"table", "template"})
MEANING_OF_WHITE_SPACE = {**dict.fromkeys(KEEPS_SPACES, "pre"), "pre-line": "pre-line"}


@dataclass(slots=True)
class OpenElement:
    """An element whose end has not come.

    Attributes:
        name: The tag's name.
        is_hidden: Whether nothing in the element is shown.
        white_space: ``""``, ``"pre"`` or ``"pre-line"``: the meaning of line breaks and spaces.
        end: Called at the element's end.
        special: The place of the innermost special element: this element or an element around it.
        is_over: Whether the end tag has come, while elements inside are still open.
    """

    name: str
    is_hidden: bool
    white_space: str
    end: End | None
    special: int
    is_over: bool = False


def lines_of(source: str) -> list[str]:
    """Return HTML as lines of text.

    Args:
        source: The HTML.
    """
    return _Walk(source).lines()


class _Walk:
    def __init__(self, source: str) -> None:
        self._source = source
        self._layout = Layout(len(source))
        self._top = OpenElement("", is_hidden=False, white_space="", end=None, special=0)
        #: From the outermost to the innermost; the page itself comes first, and stays.
        self._open = [self._top]
        #: By name: the places of elements in ``_open``, so that no search is needed.
        self._positions: defaultdict[str, list[int]] = defaultdict(list)
        #: Without a doctype, a table does not end a paragraph (the HTML standard, "quirks").
        self._has_doctype = False
        self._is_for_all_but_outlook = False
        self._is_first_in_preformatted = False

    def lines(self) -> list[str]:
        # A mail has hundreds of tags and texts: a call less for each is felt.
        write = self._layout.write
        for token in tokenize(self._source):
            kind = token.type
            if kind is TEXT:
                if self._is_first_in_preformatted:
                    self._first_in_preformatted(token.data or "")
                elif not (top := self._top).is_hidden:
                    write(token.data or "", top.white_space)
            elif kind is START_TAG:
                self._start(token)
            elif kind is END_TAG:
                self._end(token.tag or "")
            elif kind is COMMENT:
                self._comment(token.data or "")
            elif kind is DOCTYPE:
                self._has_doctype = True
        self._end_all_from(1)
        return self._layout.lines()

    def _first_in_preformatted(self, text: str) -> None:
        self._is_first_in_preformatted = False
        if not self._top.is_hidden:
            shown = text.removeprefix("\r").removeprefix("\n")
            self._layout.write(shown, self._top.white_space)

    def _comment(self, text: str) -> None:
        # Outlook's: "<!--[if !mso]><!-->" begins a part for other programs, "<!--<![endif]-->" ends
        # it.
        if "[endif]" in text:
            self._is_for_all_but_outlook = False
        elif text.startswith("[if !mso"):
            self._is_for_all_but_outlook = True

    def _start(self, token: Token) -> None:
        name = token.tag or ""
        element = ELEMENTS.get(name, NO_EFFECT)
        if element.is_table_part and not self._positions["table"]:
            self._stray_table_part()
            return
        top = self._top
        if element.ended and top.name not in element.parents:
            self._end_what_it_ends(name, element)
            top = self._top
        positions = self._positions[name]
        is_hidden = top.is_hidden or element.is_unseen
        white_space = "pre" if element.is_preformatted else top.white_space
        attributes, style = NO_ATTRIBUTES, ORDINARY
        if given := token.attrs:
            attributes = dict(given)
            style = style_of(attributes)
            is_hidden = is_hidden or self._is_hidden_by(style, name)
            if style.white_space:
                white_space = MEANING_OF_WHITE_SPACE.get(style.white_space, "")
        if element.is_void:
            if not is_hidden:
                self._void(name, attributes, style)
        # Other elements change neither the text nor the end of another element.
        elif (
            element.matters
            or positions
            or style.begins_line
            or is_hidden is not top.is_hidden
            or white_space != top.white_space
        ) and not (element.is_foreign and token.self_closing):
            end = None
            if is_hidden:
                pass
            elif begin := BEGINNINGS.get(name):
                end = begin(self._layout, attributes, style)
            else:
                end = self._begin(name, element, style)
            opened = self._open
            position = len(opened)
            special = position if element.is_special else top.special
            self._top = top = OpenElement(name, is_hidden, white_space, end, special)
            positions.append(position)
            opened.append(top)

    def _stray_table_part(self) -> None:
        """Take a part of a table outside a table for a block; browsers ignore such tags."""
        if not self._top.is_hidden:
            self._layout.begin_block(1)

    def _is_hidden_by(self, style: Style, name: str) -> bool:
        if style.is_hidden or not style.is_hidden_in_outlook:
            return style.is_hidden
        # A button has this style too, beside a button for Outlook alone in a comment.
        return name != "a" and not self._is_for_all_but_outlook

    def _void(self, name: str, attributes: Mapping[str, str], style: Style) -> None:
        if name == "br":
            self._layout.flow.break_line()
        elif name == "hr":
            self._layout.write_rule()
        elif name == "img":
            self._layout.write_image(attributes.get("alt", ""), has_lines=style.begins_line)

    def _begin(self, name: str, element: Element, style: Style) -> End | None:
        """Begin a shown element without more to it; return the function that ends the element."""
        self._is_first_in_preformatted = element.is_preformatted
        newlines = element.newlines or int(style.begins_line or name == "caption")
        return self._layout.begin_block(newlines) if newlines else None

    def _end(self, name: str) -> None:
        if name == "br":
            self._layout.flow.break_line()
        positions = self._positions[name]
        if not positions:
            if ELEMENTS.get(name, NO_EFFECT).is_table_part:
                self._stray_table_part()
            return
        position = positions[-1]
        opened = self._open
        if position == len(opened) - 1:
            innermost = opened.pop()
            positions.pop()
            if innermost.end is not None:
                innermost.end()
            self._top = opened[-1]
            if self._top.is_over:
                self._end_all_from(position)
            return
        element = ELEMENTS.get(name, NO_EFFECT)
        if element.is_special:
            is_of_table = element.is_table_part or name == "table"
            if position >= self._last(BOUNDS_OF_TABLES if is_of_table else SCOPES):
                self._end_all_from(position)
        elif position > self._top.special:
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

    def _end_what_it_ends(self, name: str, element: Element) -> None:
        if name == "table" and not self._has_doctype:
            return
        innermost = self._last(element.ended)
        if innermost and innermost > (bound := self._last(element.bounds)):
            found = (self._positions[each][-1] for each in element.ended if self._positions[each])
            self._end_all_from(min(each for each in found if each > bound))

    def _last(self, names: frozenset[str]) -> int:
        """Return the place of the innermost open element with any of these names, or 0."""
        last = 0
        for name in names:
            opened = self._positions[name]
            if opened and opened[-1] > last:
                last = opened[-1]
        return last

    def _end_all_from(self, position: int) -> None:
        opened = self._open
        while len(opened) > position or opened[-1].is_over:
            element = opened.pop()
            if not element.is_over:
                self._positions[element.name].pop()
            if element.end is not None:
                element.end()
        self._top = opened[-1]


def _begin_link(layout: Layout, attributes: Mapping[str, str], style: Style) -> End | None:
    if style.begins_line:
        layout.begin_block(1)
    return layout.begin_link(attributes.get("href"))


def _begin_quote(layout: Layout, *_: object) -> End:
    layout.flow.write('"')
    return lambda: layout.flow.write('"')


Begin = Callable[[Layout, Mapping[str, str], Style], End | None]
#: By name: the functions that begin elements with more to them than lines of their own.
BEGINNINGS: Mapping[str, Begin] = {
    **dict.fromkeys(CELLS, Layout.begin_cell),
    **dict.fromkeys(LISTS, lambda layout, *_: layout.begin_list()),
    "a": _begin_link,
    "blockquote": lambda layout, *_: layout.begin_quotation(),
    "dd": lambda layout, *_: layout.begin_description(),
    "li": lambda layout, attributes, _style: layout.begin_item(attributes),
    "ol": Layout.begin_numbered_list,
    "q": _begin_quote,
    "table": lambda layout, *_: layout.begin_table(),
    "tr": lambda layout, *_: layout.begin_row(),
}
