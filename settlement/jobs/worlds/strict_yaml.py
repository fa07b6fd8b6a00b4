"""YAML as it is written: the core schema of YAML 1.2, no key twice, and no small file that stands for a large one.

YAML 1.1, which the library reads, takes 12:30 for 750, 0777 for 511 and `no` for false, and lets the last of two equal
keys win. Here a scalar is null, true, false, a decimal number or a text. Aliases and merge keys are taken as long as
what they stand for, written out, has at most a million values.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

NULL, BOOLEAN, INTEGER, FLOAT = (f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float"))
TEXT, MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"
KNOWN_TAGS = {NULL, BOOLEAN, INTEGER, FLOAT, TEXT, "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"}
DEPTH_LEVELS = 64
VALUES = 1_000_000  # aliases counted as often as they stand


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """A safe loader that is told below what a scalar may be."""


# 0777, 0o17, 0x1F, 1_000, .inf and .nan are texts: where a number is asked for, they are refused as it would be in JSON
_Loader.yaml_implicit_resolvers = {}
_Loader.add_implicit_resolver(NULL, re.compile(r"(?:null|Null|NULL|~|)$"), ["n", "N", "~", ""])
_Loader.add_implicit_resolver(BOOLEAN, re.compile(r"(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
_Loader.add_implicit_resolver(INTEGER, re.compile(r"[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789"))
_Loader.add_implicit_resolver(
    FLOAT, re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$"), list("-+.0123456789")
)


def read_yaml(text: str) -> Any:
    """Return the one document of a text. Raises yaml.YAMLError, which names the line."""
    depth = 0
    for event in yaml.parse(text, Loader=_Loader):  # before anything recurses into it
        if isinstance(event, yaml.NodeEvent) and getattr(event, "tag", None) not in (None, "!"):  # `!`: a quoted text
            raise _problem("tags are not taken", event.start_mark)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEPTH_LEVELS:
            raise _problem(f"more than {DEPTH_LEVELS} levels", event.start_mark)
    loader = _Loader(text)
    try:
        document = loader.get_single_node()
        if document is None:
            return None
        _values(document, {})
        return loader.construct_document(document)
    finally:
        loader.dispose()


def _values(node: yaml.Node, known: dict[int, int]) -> int:
    """Return how many values a node stands for, its aliases written out.

    Raises where that is too many or without an end.
    """
    if id(node) in known:
        if not known[id(node)]:
            raise _problem("a value that holds itself", node.start_mark)
        return known[id(node)]
    known[id(node)] = 0
    inner: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        inner = [part for pair in node.value for part in pair]
    elif isinstance(node, yaml.SequenceNode):
        inner = node.value
    known[id(node)] = found = 1 + sum(_values(part, known) for part in inner)
    if found > VALUES:
        raise _problem(f"more than {VALUES} values, aliases written out", node.start_mark)
    return found


def _mapping(loader: Any, node: yaml.MappingNode) -> dict[Any, Any]:
    """Return a mapping whose keys are texts or numbers, each once; what it states goes before what it merges in."""
    merged: list[dict[Any, Any]] = []
    stated: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise _problem("a key is a text", key_node.start_mark)
        key = loader.construct_object(key_node)
        value = loader.construct_object(value_node, deep=True)
        if key == "<<" and key_node.style not in ("'", '"'):
            merged.append(value)
            if len(merged) > 1 or not isinstance(value, dict):
                raise _problem("one mapping is merged in, as a whole", key_node.start_mark)
        elif key in stated:
            raise _problem(f"the key {key!r} is given more than once", key_node.start_mark)
        else:
            stated[key] = value
    return {name: value for part in (*merged, stated) for name, value in part.items()}


def _integer(loader: Any, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node)
    if len(text) > 4_000:  # what int() takes
        raise _problem("a number with too many digits", node.start_mark)
    return int(text)


def _problem(words: str, mark: Any) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, words, mark)


_Loader.add_constructor("tag:yaml.org,2002:map", _mapping)
_Loader.add_constructor(INTEGER, _integer)
_Loader.add_constructor(FLOAT, lambda loader, node: float(loader.construct_scalar(node)))
