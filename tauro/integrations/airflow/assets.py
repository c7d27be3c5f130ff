"""The places that a pipeline reads and writes, as the URIs by which Airflow knows assets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

_GLOB = re.compile(r"[*?\[{]")
"""What a name holds that stands for several: globs, and `{start_date}` where the window is not known."""
_SCHEMES = {"s3a": "s3", "s3n": "s3", "postgresql": "postgres"}
"""Hadoop's and JDBC's words -> Airflow's."""
_NAMELESS = frozenset({"jdbc", "memory"})
"""Formats of whose outputs a result does not tell the place: the first lies in a database, whichever it is."""


def uri_of(location: str) -> str | None:
    """The URI of a place as plans and runs spell it; None for what lies in memory, or can't be told.

    A path with globs stands for the folder above them. User names, passwords and query parts are left out.

    Args:
        location: an absolute path, a URL, `table:<name>` or `jdbc:<url>#<table>`.
    """
    kind, _, rest = location.partition(":")
    if location.startswith("/"):
        return "file://" + quote(_above_globs(location))
    if kind == "table":
        return "x-spark-table://" + quote("/".join(rest.replace("`", "").split(".")))
    if kind == "jdbc":
        return _database(rest)
    if kind in ("memory", "query", "") or "://" not in location:
        return "file://" + quote(_above_globs(rest)) if kind == "file" and rest.startswith("/") else None
    parts = urlsplit(_above_globs(location))
    scheme = _SCHEMES.get(parts.scheme, parts.scheme)
    return urlunsplit((scheme, parts.netloc.rpartition("@")[2], quote(parts.path.rstrip("/"), safe="/%"), "", ""))


def _above_globs(path: str) -> str:
    """The longest folder of a path without globs."""
    head, *names = path.rstrip("/").split("/")
    kept = []
    for name in names:
        if _GLOB.search(name):
            break
        kept.append(name)
    return "/".join([head, *kept]) or "/"


def _database(rest: str) -> str | None:
    """`postgresql://host:5432/shop#sales.orders` as `postgres://host:5432/shop/sales/orders`."""
    url, _, table = rest.partition("#")
    parts = urlsplit(url)
    if not parts.netloc or not table or " " in table:
        return None
    names = "/".join(table.replace('"', "").split("."))
    path = quote(f"{parts.path.rstrip('/')}/{names}")
    return urlunsplit((_SCHEMES.get(parts.scheme, parts.scheme), parts.netloc.rpartition("@")[2], path, "", ""))


@dataclass(frozen=True, slots=True)
class Published:
    """One output of a run that is done."""

    uri: str
    extra: dict[str, Any]  # Any: JSON
    """What Airflow keeps of it: run, node, output, and the rows written, None where nobody knows."""


def published(document: Mapping[str, Any]) -> Iterator[Published]:  # Any: JSON
    """The outputs that a run has published, as assets.

    Args:
        document: what `tauro run --json` answered.
    """
    for node in document.get("nodes", ()):
        for output in node["outputs"]:
            uri = uri_of(_place(output)) if output["is_published"] else None
            if uri is not None:
                extra = {"run_id": document["run_id"], "node": node["name"], "output": output["id"]}
                yield Published(uri, {**extra, "rows": output["rows"], "window": document["window"]})


def _place(output: Mapping[str, Any]) -> str:  # Any: JSON
    if output["path"] or output["format"] in _NAMELESS or not output["table"]:
        return output["path"] or ""
    return f"table:{output['table'].lower()}"
