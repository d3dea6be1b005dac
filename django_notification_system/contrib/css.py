"""Write the rules of a mail's ``<style>`` into its elements, for mail programs that heed no rules.

Needs the extra ``css``, the package css-inline::

    NOTIFICATION_SYSTEM_TARGETS = {
        "email": {"html_filters": ["django_notification_system.contrib.css.inline"]},
    }
"""

try:
    import css_inline
except ImportError as error:
    raise ImportError(
        "css-inline is not installed: pip install 'django-notification-system[css]'"
    ) from error

# Neither the network nor a file is asked for a stylesheet: a mail's HTML may come from anywhere.
# At-rules stay in <style>: an element has no place for the rules of narrow screens.
_inliner = css_inline.CSSInliner(load_remote_stylesheets=False, keep_at_rules=True)


def inline(html: str) -> str:
    """Return a mail's HTML with the rules of ``<style>`` written into the elements.

    Rules for narrow screens and dark colours (``@media``) stay in ``<style>``. Stylesheets that
    ``<link>`` names are not loaded, from anywhere.

    Args:
        html: The HTML, a whole document or a part of one.
    """
    return _inliner.inline(html)
