"""The sets of content that there are, and how each is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from domain.content import questions, titles

PARSERS: Mapping[str, Callable[[bytes], Mapping[str, object]]] = MappingProxyType(
    {questions.SET: questions.parse_questions, titles.SET: titles.parse_titles}
)
"""By a set's name: makes records by their ids of its content, or raises ``ValueError``."""
