"""The runner starts this script for each message. Its exit status is the outcome."""

import json
import os
import sys

order = json.load(sys.stdin)  # the body; the WARREN_… variables hold the metadata
accepted = "customer" in order
with open(os.environ["REPORT"], "a") as report:
    report.write(f"Python, exec: {'order of ' + order['customer'] if accepted else 'an order without a customer'}\n")
if not accepted:
    print("the order has no customer", file=sys.stderr)  # the error that "runner dlq" shows
    sys.exit(65)  # dead-letters the message; 0 acknowledges it, and most other statuses retry it
