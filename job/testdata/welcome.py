"""A persistent handler: reads a message a line on stdin, answers a line on stdout."""

import json
import sys

for line in sys.stdin:
    message = json.loads(line)
    answer = {"id": message["id"]}
    try:
        user = json.loads(message["body"])
        print("welcome", user["email"], file=sys.stderr)  # for people: it is logged
        answer["ok"] = True
    except (ValueError, KeyError) as err:
        answer.update(error=repr(err), permanent=True)
    print(json.dumps(answer), flush=True)
