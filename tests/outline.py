"""HTML read for tests: its tags, words and headings; every tag must be closed in order."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "img", "input"}


class Outline(HTMLParser):
    """Tags with their attributes, headings, and whether every tag is closed in order."""

    def __init__(self):
        super().__init__()
        self.tags, self.open, self.headings, self.words, self.code = [], [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in {"script", "style"}:
            self.code.append(data)
            return
        self.words.append(data)
        if self.open and self.open[-1] in {"h1", "h2", "h3"}:
            self.headings.append((self.open[-1], data))


def outline(text):
    parser = Outline()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    return parser
