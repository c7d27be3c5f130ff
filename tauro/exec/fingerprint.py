"""Fingerprints of nodes."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from tauro.config import Context
from tauro.model.plan import Plan, PlannedNode


@dataclass(frozen=True, slots=True)
class Fingerprint:
    code: str
    configuration: str


def node_fingerprint(context: Context, plan: Plan, node: PlannedNode) -> Fingerprint:
    del context, plan
    spec = node.spec
    text = spec.model_dump_json(exclude={"function"}) if spec else ""
    return Fingerprint(sha256(f"{spec.function}{spec.sql}".encode()).hexdigest(), sha256(text.encode()).hexdigest())
