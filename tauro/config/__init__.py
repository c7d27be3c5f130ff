"""From a project's files to checked entries: loading, environments, references, secrets, places in files."""

from tauro.config.context import SESSIONS, Context
from tauro.config.findings import DOCUMENTS, Finding
from tauro.config.scalars import plain_scalar
from tauro.config.secrets import is_secret_option, redact, show_options

__all__ = [
    "DOCUMENTS",
    "SESSIONS",
    "Context",
    "Finding",
    "is_secret_option",
    "plain_scalar",
    "redact",
    "show_options",
]
