"""Imports the rows of a file, which the message contains. The next attempt continues after the last
row that was imported."""

import json
import os
import sys

rows = sys.stdin.read().splitlines()
last = json.loads(os.environ["WARREN_CHECKPOINT"] or '{"row": 0}')
with os.fdopen(int(os.environ["WARREN_CHECKPOINT_FD"]), "w") as checkpoints:
    for row in range(last["row"], len(rows)):
        int(rows[row])  # the work
        done = {"checkpoint": {"row": row + 1}, "progress": (row + 1) / len(rows)}
        print(json.dumps(done), file=checkpoints, flush=True)
