"""The effect of HTML's elements on a text: line breaks, hidden content, ends of other elements.

Source: the HTML standard, sections 15.3 (how browsers show elements) and 13.1.2.4 (optional tags).
"""

from collections.abc import Mapping
from dataclasses import dataclass

LINE_BEGINNERS = (
    "address article aside body center dd details dialog dir div dt fieldset figcaption footer form"
    " header hgroup hr html legend li listing main menu nav ol optgroup option search section"
    " summary ul xmp"
)
PARAGRAPHS = "blockquote dl figure h1 h2 h3 h4 h5 h6 p pre table"
#: The least number of newlines between an element and its neighbours: 1 begins a line, 2 leaves an
#: empty line.
BLOCKS: Mapping[str, int] = {
    **dict.fromkeys(LINE_BEGINNERS.split(), 1),
    **dict.fromkeys(PARAGRAPHS.split(), 2),
}
CELLS = frozenset({"td", "th"})
TABLE_PARTS = CELLS | {"caption", "colgroup", "tbody", "tfoot", "thead", "tr"}
LISTS = frozenset({"dir", "menu", "ol", "ul"})
EMPTY = "area base br col embed hr img input link meta param source track wbr"
#: Elements without content, and so without an end.
VOID = frozenset(EMPTY.split())
NOT_SHOWN = (
    "audio canvas datalist iframe math noembed noframes noscript object script style svg template"
    " title video"
)
#: Elements whose content no mail program shows. ``head`` is not here, because its end tag is
#: optional; the elements in ``head`` are.
UNSEEN = frozenset(NOT_SHOWN.split())
#: Elements with line breaks and spaces kept as written.
PREFORMATTED = frozenset({"listing", "pre", "plaintext", "textarea", "xmp"})
#: Elements that no end tag of an inline element ends.
SPECIAL = frozenset(BLOCKS) | TABLE_PARTS | UNSEEN | {"button", "select", "textarea"}
#: Elements that no end tag of another element reaches across.
SCOPES = CELLS | {"caption", "table", "template"}
#: By start tag: the elements that the tag ends, and the elements that it does not reach across.
ENDED_BY: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    **dict.fromkeys((*BLOCKS, "plaintext"), (frozenset({"p"}), SCOPES | {"button"})),
    "a": (frozenset({"a"}), frozenset({"template"})),
    "dd": (frozenset({"dd", "dt", "p"}), SCOPES | {"dl"}),
    "dt": (frozenset({"dd", "dt", "p"}), SCOPES | {"dl"}),
    "li": (frozenset({"li", "p"}), SCOPES | LISTS),
    "option": (frozenset({"option"}), SCOPES | {"select"}),
    **dict.fromkeys(TABLE_PARTS, (TABLE_PARTS, frozenset({"table", "template"}))),
    "td": (CELLS | {"caption"}, frozenset({"table", "template"})),
    "th": (CELLS | {"caption"}, frozenset({"table", "template"})),
    "tr": (CELLS | {"caption", "tr"}, frozenset({"table", "template"})),
}
#: By start tag: the elements that leave the tag nothing to end where they are the innermost open
#: ones, because their own start tags have ended the same elements.
PARENTS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(CELLS, frozenset({"tr"})),
    "tr": frozenset({"table", "tbody", "tfoot", "thead"}),
}
FOREIGN = frozenset({"math", "svg"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Element:
    """The effect of an element on a text, in one place: a look-up for each tag, not ten.

    Attributes:
        newlines: The least number of newlines between the element and its neighbours.
        ended: The elements that the start tag ends.
        bounds: The elements that the start tag does not reach across.
        parents: The innermost open elements that leave the start tag nothing to end.
        is_table_part: Whether the element only has a meaning within a table.
        is_unseen: Whether no mail program shows the element.
        is_void: Whether the element has no content.
        is_preformatted: Whether line breaks and spaces are kept as written.
        is_special: Whether no end tag of an inline element ends the element.
        is_foreign: Whether a start tag may be an end tag, too.
        matters: Whether the element changes the text, or the end of other elements.
    """

    newlines: int = 0
    ended: frozenset[str] = frozenset()
    bounds: frozenset[str] = frozenset()
    parents: frozenset[str] = frozenset()
    is_table_part: bool = False
    is_unseen: bool = False
    is_void: bool = False
    is_preformatted: bool = False
    is_special: bool = False
    is_foreign: bool = False
    matters: bool = False


def _element(name: str) -> Element:
    ended, bounds = ENDED_BY.get(name, (frozenset(), frozenset()))
    return Element(
        newlines=BLOCKS.get(name, 0),
        ended=ended,
        bounds=bounds,
        parents=PARENTS.get(name, frozenset()),
        is_table_part=name in TABLE_PARTS,
        is_unseen=name in UNSEEN,
        is_void=name in VOID,
        is_preformatted=name in PREFORMATTED,
        is_special=name in SPECIAL,
        is_foreign=name in FOREIGN,
        matters=name in SPECIAL or name in ("a", "q"),
    )


#: By name: all elements that have an effect.
ELEMENTS: Mapping[str, Element] = {
    name: _element(name) for name in {*SPECIAL, *ENDED_BY, *VOID, *PREFORMATTED, *FOREIGN, "q"}
}
#: Any element beside.
NO_EFFECT = Element()
