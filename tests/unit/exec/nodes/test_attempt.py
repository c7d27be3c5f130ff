"""An attempt can be called off until it begins to publish."""

from __future__ import annotations

import pytest

from tauro.exec.nodes.attempt import Attempt, AttemptCancelledError


def test_what_was_called_off_does_not_publish() -> None:
    attempt = Attempt("a", 1)
    attempt.check()
    assert attempt.cancel("too long")
    assert attempt.cancel("again")
    for go_on in (attempt.check, attempt.begin_publishing):
        with pytest.raises(AttemptCancelledError, match="too long"):
            go_on()
    assert not attempt.is_publishing


def test_what_publishes_is_not_called_off() -> None:
    attempt = Attempt("a", 1)
    attempt.begin_publishing()
    assert not attempt.cancel("too long")
    attempt.check()


def test_the_tag_is_each_attempts_own_and_holds_no_comma() -> None:
    tags = {Attempt(node, number, run).tag for node in ("a,b", "c") for number in (1, 2) for run in ("r1", "r2")}
    assert len(tags) == 8
    assert not any("," in tag for tag in tags)
