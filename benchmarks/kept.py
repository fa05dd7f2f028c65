# SPDX-License-Identifier: Apache-2.0
"""This file is about rows that take long to measure: each is kept in a file once it is there."""

import json
from pathlib import Path


class Kept:
    """Rows by name, as lines of JSON in a file; without a place nothing is kept.  What is there already is not run."""

    def __init__(self, place: Path | None) -> None:
        self.place, self.rows = place, {}
        if place is not None and place.exists():
            for line in place.read_text(encoding="utf-8").splitlines():
                name, row = json.loads(line)
                self.rows[name] = row

    def row(self, name, measure):
        """The row of this name; `measure` makes it, if it is not there."""
        if name not in self.rows:
            self.rows[name] = [*measure()]
            if self.place is not None:
                with self.place.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps([name, self.rows[name]]) + "\n")
        return self.rows[name]
