"""The tasks that a pipeline becomes: one, or one for each node that is worth one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tauro.config import Context
from tauro.exec.planning.plan import make_plan
from tauro.exec.planning.selection import Selection
from tauro.integrations.airflow.assets import uri_of
from tauro.io.locations import locations
from tauro.model.plan import Origin, Plan, PlannedNode
from tauro.model.window import Window
from tauro.scheduling.graph import reachable

ANY_WINDOW = Window("{start_date}", "{end_date}")
"""Stands for the window of each run: what depends on it is seen to."""


@dataclass(frozen=True, slots=True)
class Task:
    """One task of a DAG."""

    name: str
    """The node's, or the pipeline's."""
    node: str | None
    """The node to run; None for the whole pipeline."""
    inlets: tuple[str, ...]
    """URIs of what it reads that it does not write itself, sorted."""
    outlets: tuple[str, ...]
    """URIs of what it writes, sorted."""
    after: tuple[str, ...] = ()
    """Names of the tasks that it waits for, in the pipeline's order; those that follow from others are left out."""
    also_runs: tuple[str, ...] = ()
    """Nodes that run with it, since nothing of theirs is stored."""


def whole_pipeline(context: Context, pipeline: str) -> Task:
    """The pipeline as one task.

    Raises:
        ConfigError: it can't be planned.
    """
    plan = make_plan(context, pipeline, ANY_WINDOW)
    return _task(plan, pipeline, None)


def task_per_node(context: Context, pipeline: str) -> list[Task]:
    """A task for each node that stores something, or that no other such task runs, in the order of the plan.

    Raises:
        ConfigError: the pipeline can't be planned.
    """
    whole = make_plan(context, pipeline, ANY_WINDOW)
    alone = {name: _alone(context, pipeline, name) for name in whole.order}
    own = [name for name in whole.order if whole.nodes[name].outputs]
    covered = {one for name in own for one in alone[name].order}
    rest = [name for name in whole.order if name not in covered]
    own += [name for name in rest if not any(name in alone[one].order for one in rest if one != name)]
    graph = {name: whole.nodes[name].dependencies for name in whole.order}
    before = {name: (reachable([name], graph) - {name}) & set(own) for name in own}
    tasks = []
    for name in [one for one in whole.order if one in set(own)]:
        follows = {earlier for one in before[name] for earlier in before[one]}
        after = tuple(one for one in whole.order if one in before[name] - follows)
        tasks.append(_task(alone[name], name, name, after))
    return tasks


def _alone(context: Context, pipeline: str, node: str) -> Plan:
    """What runs where one node is asked for, once everything that is ever stored is."""
    return make_plan(
        context, pipeline, ANY_WINDOW, Selection(nodes=(node,)), is_stored=lambda spec: spec.format_name != "memory"
    )


def _task(plan: Plan, name: str, node: str | None, after: tuple[str, ...] = ()) -> Task:
    nodes = [plan.nodes[one] for one in plan.order]
    written = {uri for one in nodes for output in one.outputs if (uri := uri_of(output.location)) is not None}
    read = {uri for one in nodes for place in _read(one) if (uri := uri_of(place)) is not None}
    return Task(
        name=name,
        node=node,
        inlets=tuple(sorted(read - written)),
        outlets=tuple(sorted(written)),
        after=after,
        also_runs=tuple(one for one in plan.order if one != node) if node is not None else (),
    )


def _read(node: PlannedNode) -> Iterator[str]:
    """The stored places that a node reads."""
    for one in node.inputs:
        if one.origin is not Origin.STORED:
            continue
        if one.spec is not None and one.spec.query is None:
            yield from locations(one.spec)
        elif one.location:
            yield one.location
