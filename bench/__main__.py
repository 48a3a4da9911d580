"""``python -m bench NAME``: measure one area and print its figures; exit code 1 when a bound is missed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from bench.code_runs import measure as measure_code_runs
from bench.content import measure as measure_content
from bench.figures import Figure, as_json_line, as_table
from bench.jobs import measure as measure_jobs
from bench.rides import measure as measure_rides

AREAS: dict[str, Callable[[], Sequence[Figure]]] = {
    "code_runs": measure_code_runs,
    "jobs": measure_jobs,
    "rides": measure_rides,
    "content": measure_content,
}


def main() -> int:
    """Measure the named area, or all of them."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("area", choices=[*AREAS, "all"])
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    options = parser.parse_args()
    areas = list(AREAS) if options.area == "all" else [options.area]
    figures = [figure for area in areas for figure in AREAS[area]()]
    print("\n".join(map(as_json_line, figures)) if options.json else as_table(figures))
    return 0 if all(figure.is_met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
