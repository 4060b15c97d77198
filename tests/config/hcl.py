"""
Reads Terraform's language as far as config/terraform uses it: blocks, attributes, expressions as text. No here-documents.
What it does not know it refuses, with the line.
"""

import re
from dataclasses import dataclass, field

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
PATH = re.compile(r"(?<![\w.\"-])([a-z_][a-z0-9_]*)((?:\.[A-Za-z_][A-Za-z0-9_]*|\[[^\[\]]*\]|\.\*)+)")


class Wrong(Exception):
    pass


@dataclass
class Attribute:
    name: str
    text: str  # the expression as written, without comments
    line: int


@dataclass
class Block:
    kind: str
    labels: list
    line: int
    attributes: dict = field(default_factory=dict)
    blocks: list = field(default_factory=list)

    @property
    def address(self):
        return ".".join([self.kind] * (self.kind != "resource") + self.labels) or self.kind

    def get(self, name, default=None):
        return self.attributes[name].text if name in self.attributes else default

    def inner(self, kind):
        return [block for block in self.blocks if block.kind == kind]

    def walk(self):
        yield self
        for block in self.blocks:
            yield from block.walk()


class Reader:
    def __init__(self, text, file):
        self.text, self.file, self.at = text, file, 0

    def line(self):
        return self.text.count("\n", 0, self.at) + 1

    def wrong(self, why):
        raise Wrong(f"{self.file}:{self.line()}: {why}")

    def blank(self):
        while self.at < len(self.text):
            if self.text[self.at] in " \t\r\n":
                self.at += 1
            elif self.text[self.at] == "#" or self.text.startswith("//", self.at):
                self.at = (self.text.find("\n", self.at) + 1) or len(self.text)
            else:
                return

    def name(self):
        found = NAME.match(self.text, self.at)
        if not found:
            self.wrong(f"expected a name, there is {self.text[self.at:self.at + 10]!r}")
        self.at = found.end()
        return found.group()

    def string(self):
        """A quoted string with its quotes; ${...} may hold more of them."""
        start, depth = self.at, 0
        self.at += 1
        while self.at < len(self.text):
            c = self.text[self.at]
            if c == "\n" and depth == 0:
                break
            if c == "\\" and depth == 0:
                self.at += 2
                continue
            if self.text.startswith("${", self.at):
                depth += 1
                self.at += 2
                continue
            if c == "}" and depth:
                depth -= 1
            elif c == '"':
                if depth == 0:
                    self.at += 1
                    return self.text[start:self.at]
                self.string()
                continue
            self.at += 1
        self.wrong("a string without an end")

    def expression(self):
        """Up to the end of the line, outside of brackets."""
        parts, depth = [], 0
        while self.at < len(self.text):
            c = self.text[self.at]
            if c == '"':
                parts.append(self.string())
                continue
            if c == "#" or self.text.startswith("//", self.at):
                self.at = self.text.find("\n", self.at)
                continue
            if c == "\n" and depth == 0:
                break
            if c == "}" and depth == 0:
                break
            if self.text.startswith("<<", self.at):
                self.wrong("a here-document, which this reader does not know")
            depth += (c in "([{") - (c in ")]}")
            parts.append(c)
            self.at += 1
        if depth:
            self.wrong("brackets without an end")
        text = "".join(parts).strip()
        if not text:
            self.wrong("an empty expression")
        return text

    def body(self, block, top):
        while True:
            self.blank()
            if self.at >= len(self.text):
                if top:
                    return
                self.wrong(f"the block {block.kind} has no end")
            if self.text[self.at] == "}":
                if top:
                    self.wrong("a bracket too many")
                self.at += 1
                return
            self.member(block)

    def member(self, block):
        line, name, labels = self.line(), self.name(), []
        while True:
            while self.at < len(self.text) and self.text[self.at] in " \t":
                self.at += 1
            c = self.text[self.at:self.at + 1]
            if c == '"':
                labels.append(self.string()[1:-1])
            elif c == "{":
                self.at += 1
                inner = Block(name, labels, line)
                self.body(inner, False)
                block.blocks.append(inner)
                return
            elif c == "=" and not labels:
                self.at += 1
                if name in block.attributes:
                    self.wrong(f"{name} is there twice")
                block.attributes[name] = Attribute(name, self.expression(), line)
                return
            else:
                self.wrong(f"expected '=' or '{{' behind {name}")


def read(text, file="x.tf"):
    reader, root = Reader(text, file), Block("", [], 1)
    reader.body(root, True)
    return root


def bare(text):
    """An expression with the literal parts of its strings taken out, what is interpolated left in."""
    out, at = [], 0
    while at < len(text):
        if text[at] != '"':
            out.append(text[at])
            at += 1
            continue
        reader = Reader(text, "")
        reader.at = at
        whole = reader.string()
        at = reader.at
        inner, depth, start = whole[1:-1], 0, 0
        for i, c in enumerate(inner):
            if inner.startswith("${", i):
                depth += 1
                start = i + 2 if depth == 1 else start
            elif c == "}" and depth:
                depth -= 1
                if depth == 0:
                    out.append(" " + bare(inner[start:i]) + " ")
        out.append('""')
    return "".join(out)


def references(text):
    """["var", "name"], ["aws_vpc", "this", "id"] and so on, without indexes."""
    found, todo = [], [bare(text)]
    while todo:
        part = todo.pop()
        for first, rest in PATH.findall(part):
            names = [name for name in re.sub(r"\[[^\[\]]*\]|\.\*", "", rest).split(".") if name]
            found.append([first, *names])
            todo += re.findall(r"\[([^\[\]]*)\]", rest)
    return found


def items(text):
    """The elements of a list of plain strings or numbers."""
    assert text[0] == "[" and text[-1] == "]", text
    return [item.strip().strip('"') for item in text[1:-1].split(",") if item.strip()]


def members(text):
    """The members of an object expression, name to expression."""
    assert text[0] == "{" and text[-1] == "}", text
    body = read(text[1:-1].replace(",", "\n") if "\n" not in text else text[1:-1], "object")
    return {name: attribute.text for name, attribute in body.attributes.items()}
