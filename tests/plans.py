"""Plans of prepared statements, as PostgreSQL tells them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection

from store.prepared import Prepared


def explain(
    connection: Connection, prepared: Prepared, values: Mapping[str, object], how: str = "FORMAT JSON"
) -> dict[str, object]:
    """Return the plan of a statement that is prepared on ``connection``; ``how`` has EXPLAIN's options."""
    given = {name: values[name] for name in prepared.parameters}
    plan = connection.exec_driver_sql(f"EXPLAIN ({how}) {prepared._execute}", given).scalar_one()
    root: dict[str, object] = plan[0]["Plan"]
    return root


def nodes(root: dict[str, object]) -> Iterator[dict[str, object]]:
    """Yield the nodes of a plan, from its root on."""
    children = root.get("Plans", [])
    assert isinstance(children, list)
    yield root
    for child in children:
        yield from nodes(child)


def index_scans(root: dict[str, object], tables: tuple[str, ...]) -> Iterator[str]:
    """Yield the indexes that a plan goes along in ``tables``, with * where one is walked from end to end."""
    for node in nodes(root):
        if node["Node Type"] in {"Seq Scan", "Bitmap Heap Scan"}:
            assert node["Relation Name"] not in tables
        index = str(node.get("Index Name", ""))
        if index.startswith(tuple(f"{table}_" for table in tables)):
            yield index if "Index Cond" in node else index + "*"
