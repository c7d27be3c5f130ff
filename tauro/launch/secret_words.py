"""Whether text may hold a secret, judged by its words alone, and rather once too often."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

Redact = Callable[[str], str]
"""Replaces what is known to be secret."""

_WORDS = (
    r"secret|passw|passphrase|pwd|token|credential|signature|(access|account|api|private|shared)[._-]?key|[._-]sas\b"
)
_NAMED = rf"(?i)[\w.-]*({_WORDS})[\w.-]*\s*[=:]\s*(?=[^\s,;])"
_IN_URL = r"//[^/\s@]*:[^/\s@]*@"
_CLASS_NAME = r"(?i)[\w.-]*provider\s*[=:]"


def may_hold_secret(words: Iterable[str], redact: Redact) -> bool:
    """Whether one of the words of a command may hold a secret.

    Args:
        words: such as `--conf`, `spark.a=b` and `-Da=b`.
        redact: replaces the secrets that are known already.
    """
    return any(_looks_secret(word) or redact(word) != word for word in words)


def _looks_secret(word: str) -> bool:
    if re.search(_IN_URL, word):
        return True
    return any(not re.match(_CLASS_NAME, found[0]) for found in re.finditer(_NAMED, word))
