"""Results of `python -m bncourse check --json` on standard input to a table in Markdown."""

import json
import sys
from itertools import groupby

rows = [json.loads(line) for line in sys.stdin]
chapters = [list(group) for _, group in groupby(rows, lambda row: row["exercise"].split(".")[0])]
full = [sum(row["max"] for row in group if not row["bonus"]) for group in chapters]
points = [min(sum(row["points"] for row in group), most) for group, most in zip(chapters, full)]
print(f"**{sum(points)} of {sum(full)} points**\n")
print("| exercise | status | points |\n| --- | --- | ---: |")
for row in rows:
    print(f"| {row['exercise']} | {row['status']} | {row['points']} of {row['max']}{', bonus' * row['bonus']} |")
