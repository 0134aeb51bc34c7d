"""A page as it is parsed: its elements and its text, and whether anybody's text became a part of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

SCRIPTS = ("/static/live.js", "/static/deploy.js", "/static/chat.js")
VOID = {"meta", "link", "input", "img", "br"}


@dataclass
class Element:
    """One element, its attributes and the text below it."""

    tag: str
    attributes: dict[str, str]
    parts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """Its text with single spaces."""
        return " ".join("".join(self.parts).split())


class ParsedPage(HTMLParser):
    """Parses what a server sent."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()
        assert not self._open, f"not closed: {[element.tag for element in self._open]}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in VOID and tag not in ("rect", "path"):
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open[-1].tag == tag, f"</{tag}> where {self._open[-1:]} is open"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.parts.append(data)

    def all(self, tag: str, **attributes: str) -> list[Element]:
        """The elements of a tag with these attributes; `_` for `-`."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            element
            for element in self.elements
            if element.tag == tag
            and all(element.attributes.get(name) == value for name, value in wanted.items())
        ]

    def by_id(self, name: str) -> Element:
        """The element with an id."""
        (found,) = [element for element in self.elements if element.attributes.get("id") == name]
        return found

    @property
    def text(self) -> str:
        """All of its text."""
        return self.all("html")[0].text

    def check(self) -> None:
        """Nothing of it runs but our files, nothing is styled in place, and ids are unique."""
        ids = [element.attributes["id"] for element in self.elements if "id" in element.attributes]
        assert len(ids) == len(set(ids)), sorted(ids)
        for element in self.elements:
            handlers = [name for name in element.attributes if name.startswith("on") or name == "style"]
            assert not handlers, (element.tag, element.attributes)
            if element.tag == "script":
                assert element.attributes.get("src") in SCRIPTS and not element.text
            if element.tag == "img":
                assert element.attributes["src"] == "/static/icon.svg"
            assert element.tag not in ("iframe", "object", "embed", "base", "style")
            for name in ("href", "src", "action"):
                assert not element.attributes.get(name, "").lower().startswith(("javascript:", "data:"))
        for form in self.all("form"):
            assert form.attributes.get("action", "").startswith("/") or "action" not in form.attributes
