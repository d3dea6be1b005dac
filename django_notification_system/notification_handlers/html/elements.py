"""What HTML's elements do to a text: which begin a line, which show nothing, which end others.

Source: the HTML standard, sections 15.3 (how browsers show elements) and 13.1.2.4 (tags that may be
left out).
"""

from collections.abc import Mapping

LINE_BEGINNERS = (
    "address article aside body center dd details dialog dir div dt fieldset figcaption footer form"
    " header hgroup hr html legend li listing main menu nav ol optgroup option search section"
    " summary ul xmp"
)
PARAGRAPHS = "blockquote dl figure h1 h2 h3 h4 h5 h6 p pre table"
#: Newlines that stand at least between an element and its neighbours: 1 begins a line, 2 leaves
#: one line empty.
BLOCKS: Mapping[str, int] = {
    **dict.fromkeys(LINE_BEGINNERS.split(), 1),
    **dict.fromkeys(PARAGRAPHS.split(), 2),
}
CELLS = frozenset({"td", "th"})
TABLE_PARTS = CELLS | {"caption", "colgroup", "tbody", "tfoot", "thead", "tr"}
LISTS = frozenset({"dir", "menu", "ol", "ul"})
EMPTY = "area base br col embed hr img input link meta param source track wbr"
#: Elements that have no content, and so no end.
VOID = frozenset(EMPTY.split())
NOT_SHOWN = (
    "audio canvas datalist iframe math noembed noframes noscript object script style svg template"
    " title video"
)
#: Elements whose content no mail program shows. ``head`` is not here, because its end may be left
#: out; what stands in it is.
UNSEEN = frozenset(NOT_SHOWN.split())
#: Elements that keep line breaks and spaces as they are written.
PREFORMATTED = frozenset({"listing", "pre", "plaintext", "textarea", "xmp"})
#: Elements that an end tag of an inline element does not end.
SPECIAL = frozenset(BLOCKS) | TABLE_PARTS | UNSEEN | {"button", "select", "textarea"}
#: What an end tag of another element does not reach beyond.
SCOPES = CELLS | {"caption", "table", "template"}
#: Elements that a start tag ends, and those beyond which it does not reach.
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
