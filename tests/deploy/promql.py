"""Just enough of PromQL to say which metrics and labels an expression names; anything else is an error."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

FUNCTIONS = {
    "avg", "clamp_min", "count", "delta", "deriv", "histogram_quantile", "increase", "label_values", "max", "min",
    "rate", "sum", "time", "topk", "vector",
}  # fmt: skip
WORDS = {"by", "without", "on", "ignoring", "group_left", "group_right", "offset", "and", "or", "unless", "bool"}
_TOKEN = re.compile(
    r"""\s+|(?P<selector>\{[^{}]*\})|(?P<range>\[[^\[\]]+\])|(?P<grouping>\b(?:by|without|on|ignoring)\s*\([^()]*\))
    |(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)|(?P<number>\d+(?:\.\d+)?(?:e-?\d+)?)|(?P<sign>==|!=|>=|<=|[-+*/%^<>(),])""",
    re.VERBOSE,
)
_MATCHER = re.compile(r'\s*([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)\s*"(?:[^"\\]|\\.)*"\s*')


@dataclass
class Named:
    """Metrics of an expression, each with the labels it is selected by, and the labels it is grouped by."""

    metrics: dict[str, set[str]] = field(default_factory=dict)
    grouped: set[str] = field(default_factory=set)


def named(expression: str) -> Named:
    """What an expression names. Raises ValueError where it is not understood."""
    found, last, at, depth = Named(), "", 0, 0
    while at < len(expression):
        token = _TOKEN.match(expression, at)
        if token is None:
            raise ValueError(f"not understood at {at}: {expression[at : at + 20]!r}")
        at, text = token.end(), token.group()
        if token["grouping"]:
            found.grouped |= {label.strip() for label in text[text.index("(") + 1 : -1].split(",")} - {""}
        elif token["selector"]:
            if last not in found.metrics:
                raise ValueError(f"labels without a metric: {text}")
            found.metrics[last] |= _labels(text[1:-1])
        elif token["name"]:
            if re.match(r"\s*\(", expression[at:]) or re.match(r"\s*(by|without)\b", expression[at:]):
                if text not in FUNCTIONS:
                    raise ValueError(f"unknown function {text}")
            elif text not in WORDS:
                found.metrics.setdefault(text, set())
            last = text
        depth += (text == "(") - (text == ")")
        if depth < 0:
            raise ValueError("a parenthesis closes that was never opened")
    if depth or not found.metrics:
        raise ValueError(f"unbalanced, or no metric at all: {expression}")
    return found


def _labels(text: str) -> set[str]:
    labels, at = set(), 0
    while at < len(text):
        matcher = _MATCHER.match(text, at)
        if matcher is None:
            raise ValueError(f"a label matcher that is none: {text[at:]}")
        labels.add(matcher.group(1))
        at = matcher.end()
        if at < len(text) and text[at] == ",":
            at += 1
    return labels
