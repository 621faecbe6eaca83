"""Imports the rows of a file. After each row it saves a checkpoint, from which the next runner
continues. When its runner stops, it gets SIGTERM, and ends after the row that it imports."""

import json
import os
import signal
import sys

stopping = False


def stop(*_):
    global stopping
    stopping = True


signal.signal(signal.SIGTERM, stop)
file = json.load(sys.stdin)
last = json.loads(os.environ["WARREN_CHECKPOINT"] or '{"row": 0}')
with (
    os.fdopen(int(os.environ["WARREN_CHECKPOINT_FD"]), "w") as checkpoints,
    open(os.environ["REPORT"], "a") as report,
):
    for row in range(last["row"] + 1, file["rows"] + 1):
        print(f"the {os.environ['RUNNER']} runner imports row {row} of {file['name']}", file=report, flush=True)
        done = {"checkpoint": {"row": row}, "progress": row / file["rows"]}
        print(json.dumps(done), file=checkpoints, flush=True)
        while row == 3 and not stopping:  # to show a deployment in the middle
            signal.pause()
        if stopping:
            sys.exit(75)  # try again; no attempt is spent, because the runner stops
