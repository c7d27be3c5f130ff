"""What must not be shown, in names of options as well as in text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from tauro.config.parsed import Plain

HIDDEN = "***"
# Patterns stay text until they are used (re keeps what it has compiled): most commands never need them.
_SECRET_WORDS = (
    r"password|passwd|passphrase|pwd|secrets?|token|credentials?|apikey|accesskey|secretkey|privatekey|signature|sas"
)
_HARMLESS_BEFORE_KEY = (
    r"primary|partition(ing)?|sort|row|foreign|join|merge|cluster(ing)?|natural|business|surrogate|hash|distribution|"
    r"range|order|group|record|message|map|public"
)
_WORD = r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+"
_WORD_ENDS = ("password", "secretkey", "accesskey", "token")
_ASSIGNED = (
    r"(?i)((?<![a-z])(?:[a-z0-9_.-]*[_.-])?(?:password|passwd|pwd|passphrase|secret|token|access_?key|api_?key|"
    r"account_?key|secret_?key|private_?key|sig|signature)=)(\"[^\"]*\"|'[^']*'|[^&;,\s\"'<>)]+)"
)
_IN_URL = r"(//[^/\s:@]*:)[^/\s]+(@)"
_SHORT = 3
"""Secrets shorter than this are hidden only where they stand as a word of their own."""


def is_secret_option(name: str) -> bool:
    """Whether an option is named like a password, token or key (`fs.s3a.secret.key`, `apiKey`, `sfPassword`).

    Names of columns that are keys (`primaryKey`, `key.deserializer`) are not meant.
    """
    words = [word.lower() for word in re.findall(_WORD, name)]
    if any(re.fullmatch(_SECRET_WORDS, word) for word in words) or "".join(words).endswith(_WORD_ENDS):
        return True
    if "key" not in words:
        return False
    at = words.index("key")
    if at == 0:
        return len(words) == 1
    before = words[at - 1]
    is_last = at == len(words) - 1
    return before in ("account", "access", "private") or (is_last and not re.fullmatch(_HARMLESS_BEFORE_KEY, before))


def show_options(options: Mapping[str, Plain]) -> dict[str, Plain]:
    """Options as they may be shown: secret ones, and passwords in the URLs of others, are `***`."""
    shown: dict[str, Plain] = {}
    for name, value in options.items():
        if value is not None and is_secret_option(name):
            shown[name] = HIDDEN
        else:
            shown[name] = redact(value) if isinstance(value, str) else value
    return shown


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """`text` with the given secrets, and the passwords of URLs and connection strings, replaced by `***`."""
    spellings = {spelling for secret in secrets for spelling in _spellings(secret)}
    for spelling in sorted(spellings, key=len, reverse=True):  # longest first: a secret may hold another one
        if len(spelling) < _SHORT:
            text = re.sub(rf"(?<!\w){re.escape(spelling)}(?!\w)", HIDDEN, text)
        else:
            text = text.replace(spelling, HIDDEN)
    if "=" in text:
        text = re.sub(_ASSIGNED, rf"\g<1>{HIDDEN}", text)
    if "@" in text:
        text = re.sub(_IN_URL, rf"\g<1>{HIDDEN}\g<2>", text)
    return text


def secret_values(options: Mapping[str, Plain]) -> set[str]:
    """The values of those options that are named like a password, token or key; switches and bare counts are none."""
    return {
        value
        for name, value in options.items()
        if isinstance(value, str) and len(value) > _SHORT and "${" not in value and is_secret_option(name)
    }


def _spellings(secret: str) -> set[str]:
    """A secret as it may turn up in messages: as it is, quoted for a URL, for JSON, line by line."""
    found = {secret, quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]}
    found.update(line for line in secret.splitlines() if len(line) > 2 * _SHORT)
    return found - {""}
