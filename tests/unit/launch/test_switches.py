"""What people write to switch something off."""

from __future__ import annotations

import pytest

from tauro.launch.switches import is_off


@pytest.mark.parametrize("text", ["off", "OFF", " no ", "false", "0"])
def test_it_is_off(text: str) -> None:
    assert is_off("TAURO_X", {"TAURO_X": text})


@pytest.mark.parametrize("environment", [{}, {"TAURO_X": ""}, {"TAURO_X": "on"}, {"TAURO_Y": "off"}])
def test_it_is_on(environment: dict[str, str]) -> None:
    assert not is_off("TAURO_X", environment)
