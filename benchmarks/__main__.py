"""`python -m benchmarks [overhead] [requests] [startup] [planner] [webhook]`: all of them without a name.

`N` (environment, or `--runs`): how often the overhead is measured; 5 where nothing is said.
"""

import argparse
import os
from importlib import import_module

SECTIONS = (
    "startup",
    "planner",
    "webhook",
    "page",
    "latency",
    "repository_pass",
    "restart",
    "points",
    "requests",
    "server_requests",
    "overhead",
)


def main() -> None:
    """Run the sections that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("sections", nargs="*", metavar="section", help=f"of {', '.join(SECTIONS)}; default: all")
    parser.add_argument("--runs", type=int, default=int(os.environ.get("N", "5")), help="measurements of the overhead")
    asked = parser.parse_args()
    for name in asked.sections or SECTIONS:
        if name not in SECTIONS:
            parser.error(f"there is no section {name}")
        import_module(f"benchmarks.{name}").main(asked.runs)


main()
