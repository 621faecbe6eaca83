"""The runner starts this script for each message. Its exit status decides."""

import json
import os
import sys

order = json.load(sys.stdin)  # the body; WARREN_… variables have the rest
accepted = "customer" in order
with open(os.environ["REPORT"], "a") as report:
    report.write(f"Python, exec: {'order of ' + order['customer'] if accepted else 'an order without a customer'}\n")
if not accepted:
    print("the order has no customer", file=sys.stderr)  # the error that "runner dlq" shows
    sys.exit(65)  # a dead letter; 0 is done, and most other statuses are tried again
