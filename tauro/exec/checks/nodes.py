"""What can be known of nodes before they run: their functions, signatures, SQL and inline entries."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tauro.config import Context
from tauro.errors import Problem, ProjectError, Severity
from tauro.exec.checks.entries import input_problems, output_problems
from tauro.exec.code.functions import FunctionError, call_problem, load_function
from tauro.exec.code.sql import sql_text
from tauro.exec.planning.resolution import problem_at
from tauro.io.locations import input_spec_for, output_spec_for
from tauro.io.sql import check_query, parameters_of
from tauro.model.node import NodeSpec
from tauro.model.plan import PlannedInput

Slots = Sequence[PlannedInput]


def check_nodes(context: Context, nodes: Mapping[str, NodeSpec], inputs: Mapping[str, Slots]) -> list[Problem]:
    """What is wrong with nodes by themselves.

    Args:
        context: the project.
        nodes: name -> node.
        inputs: name -> its inputs, resolved.
    """
    problems: list[Problem] = []
    for name, spec in nodes.items():
        check = _function_problems if spec.function is not None else _sql_problems
        problems += check(context, name, spec, inputs.get(name, ()))
        problems += _inline_problems(context, name, spec)
    return problems


def function_problem(context: Context, name: str, error: FunctionError) -> Problem:
    """A function that can't be had; a warning if that is only because Spark is not installed."""
    severity = Severity.WARNING if error.is_spark_missing else Severity.ERROR
    return problem_at(context, ("nodes_config", name, "function"), error.message, severity=severity, fix=error.fix)


def _function_problems(context: Context, name: str, spec: NodeSpec, slots: Slots) -> Iterator[Problem]:
    try:
        function = load_function(spec.function or "")
    except FunctionError as error:
        yield function_problem(context, name, error)
        return
    has_input = "input" in spec.model_fields_set
    if has_input and len(slots) < len(spec.input):
        return  # an input that is nowhere has been reported, and would only be missed here again
    keywords = [slot.keyword for slot in slots if slot.keyword is not None]
    message = call_problem(function, sum(slot.keyword is None for slot in slots), [*keywords, *spec.params])
    if message is None:
        return
    given = ", ".join(slot.id if slot.keyword is None else f"{slot.keyword}={slot.id}" for slot in slots)
    fix = None
    if not has_input:
        fix = "list its inputs in the field 'input'; without it the node gets what its dependencies returned"
    yield problem_at(
        context,
        ("nodes_config", name, "function"),
        f"function {spec.function!r} can't be called: {message}",
        notes=(f"inputs: {given or 'none'}", f"params: {', '.join(spec.params) or 'none'}"),
        fix=fix,
    )


def _sql_problems(context: Context, name: str, spec: NodeSpec, slots: Slots) -> Iterator[Problem]:
    place = ("nodes_config", name, "sql")
    try:
        text = sql_text(context, spec)
    except ProjectError as error:
        yield problem_at(context, place, error.message, fix=error.fix)
        return
    errors, warnings = check_query(text)
    yield from (problem_at(context, place, message) for message in errors)
    yield from (problem_at(context, place, message, severity=Severity.WARNING) for message in warnings)
    known = {"start_date", "end_date", *spec.params}
    for parameter in sorted(parameters_of(text) - known):
        message = f"the query uses :{parameter}, which is no parameter"
        yield problem_at(context, place, message, notes=(f"parameters: {', '.join(sorted(known))}",))
    for slot in slots:
        if slot.spec is not None and slot.spec.optional and slot.spec.schema_ is None:
            message = f"optional input {slot.id!r} of a SQL node needs a schema"
            yield problem_at(context, ("nodes_config", name, "input"), message, fix="give the input a 'schema'")


def _inline_problems(context: Context, name: str, spec: NodeSpec) -> Iterator[Problem]:
    """What is wrong with inputs and outputs that no document has an entry for."""
    for one in spec.input:
        if one.inline is not None:
            place = ("nodes_config", name, "input")
            yield from input_problems(context, place, input_spec_for(context, one.id, one.inline), one.id)
    for ref in spec.output:
        if ref.inline is not None or ref.id not in context.output_config:
            place = ("nodes_config", name, "output")
            yield from output_problems(context, place, output_spec_for(context, ref.id, ref.inline), ref.id)
