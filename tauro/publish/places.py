"""Leases found again, from what a journal says of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tauro.io.recorded import OptionsOf, Session
from tauro.publish.lease_file import LeaseFile, LeasePlace


def place_at(address: Mapping[str, str], session: Session, options_of: OptionsOf) -> LeasePlace:
    """The place of a lease.

    Args:
        address: what `LeasePlace.address` told.
        session: opens a session, or returns the one that is open; called for databases.
        options_of: what the project knows of outputs, secrets included.
    """
    del session, options_of
    return LeaseFile(Path(address["path"]), Path(address["base"]))
