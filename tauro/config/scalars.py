"""What an unquoted word of YAML stands for: the core schema of YAML 1.2, minus its surprises."""

from __future__ import annotations

import math
import re

_WORDS: dict[str, float | bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,999})")
_OTHER_BASE = re.compile(r"0(?:o[0-7]+|x[0-9a-fA-F]+)")
_DECIMAL = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_STARTS_NUMBERS = frozenset("+-.0123456789")


def plain_scalar(text: str) -> str | int | float | bool | None:
    """The value of an unquoted word.

    Only true, false, null and numbers are more than text (YAML 1.2, section 10.3). Dates, `no`, `on`, `1:30`, `1_000`
    stay the text that was written, and so do numbers with leading zeros, which are codes more often than amounts.
    """
    if text[:1] in _STARTS_NUMBERS:
        if _INTEGER.fullmatch(text):
            return int(text)
        if _DECIMAL.fullmatch(text):
            return float(text)
        if _OTHER_BASE.fullmatch(text):
            return int(text, 0)
    return _WORDS.get(text, text)
