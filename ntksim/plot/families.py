"""Which entries of an axis are one thing at several sizes: networks of several depths, say."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from itertools import takewhile
from typing import Any

_ALWAYS = frozenset({"label", "plugin"})


def families(entries: Sequence[Mapping[str, Any]], but_for: Collection[str]) -> dict[str, str]:
    """Return for each label what the entries are called that differ ``but_for`` some options only.

    That is the words that their labels begin with, or else the options that tell families apart;
    nothing where there is one family.
    """
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for entry in entries:
        options = {k: v for k, v in entry.items() if k not in {*but_for, *_ALWAYS}}
        groups.setdefault(json.dumps(options, sort_keys=True), []).append(entry)
    if len(groups) < 2:
        return {str(entry["label"]): "" for entry in entries}
    names = [_common(group) for group in groups.values()]
    if len(set(names)) < len(names) or not all(names):
        names = _by_options([group[0] for group in groups.values()], but_for)
    return {
        str(entry["label"]): name
        for name, group in zip(names, groups.values(), strict=True)
        for entry in group
    }


def _common(group: Sequence[Mapping[str, Any]]) -> str:
    labels = [str(entry["label"]) for entry in group]
    if len(labels) == 1:
        return labels[0]
    same = takewhile(lambda letters: len(set(letters)) == 1, zip(*labels, strict=False))
    return "".join(letters[0] for letters in same).rstrip(" -_=,.0123456789")


def _by_options(firsts: Sequence[Mapping[str, Any]], but_for: Collection[str]) -> list[str]:
    keys = dict.fromkeys(key for entry in firsts for key in entry)
    apart = [
        key
        for key in keys
        if key not in {*but_for, *_ALWAYS}
        and len({json.dumps(entry.get(key), sort_keys=True) for entry in firsts}) > 1
    ]
    return [", ".join(f"{key.replace('_', ' ')} {e.get(key)}" for key in apart) for e in firsts]
