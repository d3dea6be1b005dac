"""The effect of HTML's elements on a text: line breaks, hidden content, ends of other elements.

Source: the HTML standard, sections 15.3 (how browsers show elements) and 13.1.2.4 (optional tags).
"""

from collections.abc import Mapping

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
