"""The runner starts this script once. It reads one message per line and answers each with a line."""

import json
import os
import sys

for line in sys.stdin:
    message = json.loads(line)
    order = json.loads(message["body"])
    answer = {"id": message["id"], "ok": True}
    if "customer" not in order:  # without "permanent" the message is retried
        answer = {"id": message["id"], "error": "the order has no customer", "permanent": True}
    with open(os.environ["REPORT"], "a") as report:
        told = f"order of {order['customer']}" if "ok" in answer else "an order without a customer"
        report.write(f"Python, persistent: {told}\n")
    print(json.dumps(answer), flush=True)
