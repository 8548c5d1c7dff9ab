"""What the value of a setting may be: numbers within bounds, and what is said of a value that is none.

A truth value is no number, and neither is what the log cannot hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import ErrorDetails, PydanticCustomError

_MOST = (1 << 63) - 1


def _no_truth_value(value: Any) -> Any:
    if isinstance(value, bool):
        raise PydanticCustomError("truth_value", "it must be a number, not true or false")
    return value


_Whole = Annotated[int, BeforeValidator(_no_truth_value)]
_Number = Annotated[float, BeforeValidator(_no_truth_value), Field(allow_inf_nan=False)]
Count = Annotated[_Whole, Field(ge=1, le=_MOST)]
NonNegativeCount = Annotated[_Whole, Field(ge=0, le=_MOST)]
Positive = Annotated[_Number, Field(gt=0)]
Dollars = Annotated[_Number, Field(ge=0)]


def _readable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("text", "it is text that is not UTF-8") from None
    return text


Text = Annotated[str, AfterValidator(_readable)]
_SAID: Mapping[str, str] = {
    "greater_than": "it must be greater than {gt}",
    "greater_than_equal": "it must be at least {ge}",
    "less_than_equal": "it must be at most {le}",
    "finite_number": "it must be a finite number",
    "literal_error": "it must be {expected}",
    "missing": "it must be given",
} | {
    kind: f"it must be {what}"
    for what, kinds in {
        "a whole number": ("int_type", "int_parsing", "int_from_float", "int_parsing_size"),
        "a number": ("float_type", "float_parsing"),
        "text": ("string_type",),
        "true or false": ("bool_type", "bool_parsing"),
        "a table": ("model_type", "dict_type", "mapping_type", "model_attributes_type"),
        "a list": ("tuple_type", "list_type"),
        "a path": ("path_type",),
    }.items()
    for kind in kinds
}


def sentence(error: ErrorDetails) -> str:
    """What is wrong with a value, without the value, which may be secret."""
    said = _SAID.get(error["type"])
    return said.format(**error.get("ctx", {})) if said else error["msg"]
