"""What is wrong with a field, in the API's own words: one table by pydantic's type of the error."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# Filled in from the error's context. Names of types are JSON's, not Python's.
SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "missing": "is missing",
        "extra_forbidden": "is not known here",
        "model_type": "must be an object",
        "list_type": "must be an array",
        "string_type": "must be a string",
        "string_unicode": "must not contain lone surrogates",
        "string_too_short": "must have a length of at least {min_length}",
        "string_too_long": "must have a length of at most {max_length}",
        "string_pattern_mismatch": "must match {pattern}",
        "too_short": "must have a length of at least {min_length}",
        "too_long": "must have a length of at most {max_length}",
        "bool_type": "must be true or false",
        "literal_error": "must be {expected}",
        "enum": "must be {expected}",
        "int_type": "must be a whole number",
        "int_parsing": "must be a whole number",
        "int_parsing_size": "must be a whole number of fewer digits",
        "int_from_float": "must be a whole number",
        "float_type": "must be a number",
        "float_parsing": "must be a number",
        "finite_number": "must be a finite number",
        "greater_than_equal": "must be at least {ge}",
        "less_than_equal": "must be at most {le}",
        "uuid_type": "must be a UUID",
        "uuid_parsing": "must be a UUID",
        "value_error": "{error}",  # Raised by a validator of ours.
    }
)
UNFORESEEN = "is not valid"


def sentence_of(error: Mapping[str, object]) -> str:
    """Return the sentence about one of the errors that pydantic lists; the field is its subject."""
    context = error.get("ctx")
    return SENTENCES.get(str(error["type"]), UNFORESEEN).format_map(context if isinstance(context, dict) else {})
