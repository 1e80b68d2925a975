"""Results of `python -m bncourse check --json` on standard input to a table in Markdown."""

import json
import sys

rows = [json.loads(line) for line in sys.stdin]
print(f"**{sum(row['points'] for row in rows)} of {sum(row['max'] for row in rows)} points**\n")
print("| exercise | status | points |\n| --- | --- | ---: |")
for row in rows:
    print(f"| {row['exercise']} | {row['status']} | {row['points']} of {row['max']} |")
