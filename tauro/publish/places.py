"""Leases found again, from what a journal says of them."""

from __future__ import annotations

from collections.abc import Mapping

from tauro.io.formats.jdbc import with_driver
from tauro.io.recorded import OptionsOf, Session
from tauro.publish.lease_file import LeaseFile, LeasePlace
from tauro.publish.lease_table import LeaseTable
from tauro.storage.place import place_of


def place_at(address: Mapping[str, str], session: Session, options_of: OptionsOf) -> LeasePlace:
    """The place of a lease.

    Args:
        address: what `LeasePlace.address` told.
        session: opens a session, or returns the one that is open; called for databases and remote files.
        options_of: what the project knows of outputs, secrets included.
    """
    if "table" in address:
        options = with_driver(options_of(address["location"]))
        return LeaseTable(session, options, address["table"], output=address["output"], location=address["location"])
    return LeaseFile(place_of(address["path"], session), place_of(address["base"], session))
