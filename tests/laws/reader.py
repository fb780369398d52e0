"""What a person sees of Markdown on GitHub: rendered, then the text of the HTML without comments and attributes.

An opinion of its own: no line of the sanitiser is used here, so that the two can be held against each other.
"""

from html.parser import HTMLParser

from markdown_it import MarkdownIt

_RENDERER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


class _Eye(HTMLParser):
    """Sees text. GitHub escapes `<script>` and `<style>`, so that what is in them is text like any other."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[str] = []
        self.unseen = 0

    def set_cdata_mode(self, elem: str, *, escapable: bool = False) -> None:
        """Never."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.unseen += tag == "rp"

    def handle_endtag(self, tag: str) -> None:
        self.unseen -= tag == "rp" and self.unseen > 0

    def handle_data(self, data: str) -> None:
        if not self.unseen:
            self.seen.append(data)


def visible(markdown: str) -> str:
    """The text that is on the page."""
    eye = _Eye()
    eye.feed(_RENDERER.render(markdown))
    eye.close()
    return "".join(eye.seen)
