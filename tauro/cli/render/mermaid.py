"""A pipeline as a Mermaid flow chart, which GitHub and many wikis draw."""

from __future__ import annotations

from tauro.cli.render.picture import Picture

_ESCAPES = str.maketrans({"#": "#35;", '"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "\n": " "})


def mermaid(picture: Picture) -> str:
    """The flow chart: data flows along solid arrows, dotted ones say what comes first; SQL nodes are slanted."""
    ids = {box.name: f"n{at}" for at, box in enumerate(picture.boxes)}
    lines = ["flowchart LR"]
    for box in picture.boxes:
        label = box.name.translate(_ESCAPES)
        lines.append(f'    {ids[box.name]}[/"{label}"/]' if box.is_sql else f'    {ids[box.name]}["{label}"]')
    lines += [
        f"    {ids[edge.start]} {'-->' if edge.carries_data else '-.->'} {ids[edge.end]}" for edge in picture.edges
    ]
    return "\n".join(lines)
