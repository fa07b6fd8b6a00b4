"""Templates in the reader's language: every Chinese text of a template is a message, without being marked as one.

A text runs to the next tag, quote of an attribute or statement; the expressions in it become its named places. Texts
inside expressions are messages of their own. So a template is written as a page is read, and none can be forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from jinja2 import Environment
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

from api.console.language.text import marked, phrase

CHINESE_TEXT: Final = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")
"""A Chinese character, or a mark of punctuation that only Chinese text has."""
MARKED, PLAIN = "_marked", "_plain"
_EDGE: Final = " \t\r\n"
_NO_NAMES: Final = {"if", "else", "not", "and", "or", "in", "is", "none", "defined", "true", "false"}


class Messages(Extension):
    """Turns the texts of a template into calls for the reader's language."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.globals |= {MARKED: marked, PLAIN: phrase}

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        """Return the tokens of a template, its Chinese texts replaced by calls."""
        return iter(_Reading().read(list(stream)))


def messages_of(environment: Environment, source: str) -> set[str]:
    """Return the messages of a template."""
    reading = _Reading()
    reading.read(list(environment.lexer.tokenize(source)))
    return reading.messages


@dataclass
class _Run:
    """Text and expressions between two pieces of markup."""

    parts: list[str | list[Token]] = field(default_factory=list)
    line: int = 1

    def is_message(self) -> bool:
        return any(isinstance(part, str) and CHINESE_TEXT.search(part) for part in self.parts)


class _Reading:
    """One pass over the tokens of a template; knows whether it stands in text, in a tag, or in an attribute."""

    def __init__(self) -> None:
        self.messages: set[str] = set()
        self._out: list[Token] = []
        self._run = _Run()
        self._inside = ""  # "" in text, "<" in a tag, a quote in an attribute

    def read(self, tokens: list[Token]) -> list[Token]:
        place = 0
        while place < len(tokens):
            token = tokens[place]
            if token.type == "data":
                self._data(token)
            elif token.type == "variable_begin":
                end = next(at for at in range(place, len(tokens)) if tokens[at].type == "variable_end")
                self._run.parts.append(tokens[place + 1 : end])
                self._run.line = token.lineno
                place = end
            else:
                self._flush()
                self._out += self._told(token)
            place += 1
        self._flush()
        return self._out

    def _data(self, token: Token) -> None:
        """Cut data where text or an attribute begins or ends."""
        text, start = str(token.value), 0
        if self._inside == "<":
            self._flush()
        for at, letter in enumerate(text):
            inside = self._next(letter)
            if inside == self._inside:
                continue
            if self._inside == "<":  # what is left was markup: the letter still belongs to it
                self._out.append(Token(token.lineno, "data", text[start : at + 1]))
                start = at + 1
            else:
                self._say(text[start:at], token.lineno)
                self._flush()
                start = at
            self._inside = inside
        if self._inside == "<":
            self._flush()
            self._out.append(Token(token.lineno, "data", text[start:]))
        else:
            self._say(text[start:], token.lineno)

    def _next(self, letter: str) -> str:
        if not self._inside:
            return "<" if letter == "<" else ""
        if self._inside == "<":
            return "" if letter == ">" else letter if letter == '"' else "<"
        return "<" if letter == self._inside else self._inside

    def _say(self, text: str, line: int) -> None:
        if text:
            self._run.parts.append(text)
            self._run.line = line

    def _flush(self) -> None:
        """Write the run that ends here: as a message where it has Chinese text, else as it is."""
        run, self._run = self._run, _Run()
        if not run.is_message():
            for part in run.parts:
                self._out += [Token(run.line, "data", part)] if isinstance(part, str) else self._shown(part, run.line)
            return
        first, last = run.parts[0], run.parts[-1]
        before = first[: len(first) - len(first.lstrip(_EDGE))] if isinstance(first, str) else ""
        after = last[len(last.rstrip(_EDGE)) :] if isinstance(last, str) else ""
        message, places = _message(run)
        self.messages.add(message)
        line = run.line
        call = [Token(line, "name", MARKED), Token(line, "lparen", "("), Token(line, "string", message)]
        for name, part in places:
            call += [Token(line, "comma", ","), Token(line, "name", name), Token(line, "assign", "=")]
            call += [Token(line, "lparen", "("), *self._all_told(part), Token(line, "rparen", ")")]
        call.append(Token(line, "rparen", ")"))
        self._out += [
            Token(line, "data", before), Token(line, "variable_begin", "{{"), *call,
            Token(line, "variable_end", "}}"), Token(line, "data", after),
        ]  # fmt: skip

    def _shown(self, expression: list[Token], line: int) -> list[Token]:
        begin, end = Token(line, "variable_begin", "{{"), Token(line, "variable_end", "}}")
        return [begin, *self._all_told(expression), end]

    def _all_told(self, expression: list[Token]) -> list[Token]:
        return [told for token in expression for told in self._told(token)]

    def _told(self, token: Token) -> list[Token]:
        """Return a token, or a call where it is a text of an expression."""
        if token.type != "string" or not CHINESE_TEXT.search(str(token.value)):
            return [token]
        self.messages.add(str(token.value))
        line = token.lineno
        return [Token(line, "name", PLAIN), Token(line, "lparen", "("), token, Token(line, "rparen", ")")]


def _message(run: _Run) -> tuple[str, list[tuple[str, list[Token]]]]:
    """Return the message of a run, and its places with their expressions."""
    written, places, taken = "", list[tuple[str, list[Token]]](), dict[str, int]()
    for part in run.parts:
        if isinstance(part, str):
            written += part.replace("{", "{{").replace("}", "}}")
            continue
        name = _place(part)
        taken[name] = taken.get(name, 0) + 1
        if taken[name] > 1:
            name = f"{name}_{taken[name]}"
        places.append((name, part))
        written += f"{{{name}}}"
    message = written.strip(_EDGE)
    return (message if places else message.replace("{{", "{").replace("}}", "}")), places


def _place(expression: list[Token]) -> str:
    """Return what the place of an expression is called: the last name in it that is no filter."""
    found, filters = "value", False
    for token in expression:
        if token.type == "pipe":
            filters = True
        elif token.type == "name" and not filters and token.value not in _NO_NAMES:
            found = str(token.value)
        elif token.type != "name":
            filters = filters and token.type == "dot"
    return found
