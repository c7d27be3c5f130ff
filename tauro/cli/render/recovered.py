"""Runs that died or ended without publishing, in words and for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tauro.cli.render import words
from tauro.cli.render.documents import window_document
from tauro.model.window import Window

if TYPE_CHECKING:
    from tauro.cli.render.documents import Document
    from tauro.exec.resume.left_runs import LeftRun
    from tauro.publish.recovery import Recovered


def left_line(run: LeftRun) -> str:
    """Which run it is."""
    about = run.about
    pipeline = f" of pipeline {about.pipeline!r}" if about.pipeline else ""
    window = f" for {Window(*about.window)}" if about.window else ""
    return f"run {about.run_id}{pipeline}{window}, begun {words.moment(about.started_at)} on {about.host},"


def left_row(run: LeftRun) -> Document:
    """A run for machines; times are UTC."""
    about = run.about
    return {
        "run_id": about.run_id,
        "pipeline": about.pipeline,
        "window": window_document(Window(*about.window) if about.window else None),
        "started_at": about.started_at,
        "host": about.host,
    }


def recovered_row(run: LeftRun, ended: Recovered) -> Document:
    """A run that was recovered, for machines."""
    return {
        **left_row(run),
        "ending": str(ended.ending),
        "outputs": list(ended.outputs),
        "left": list(ended.left),
    }
