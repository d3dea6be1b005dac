from mjml import mjml2html


def to_html(html: str) -> str:
    return mjml2html(html) if html.lstrip().startswith("<mjml>") else html
