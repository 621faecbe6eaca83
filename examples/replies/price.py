"""The runner starts this script for each call. What it prints is the reply."""

import json
import sys

PRICES = {"tea": 350, "coffee": 499}

article = json.load(sys.stdin)["article"]
if article not in PRICES:
    print(f"no article {article}", file=sys.stderr)  # the error that the caller gets
    print("reason: not_found", file=sys.stderr)  # its reason
    sys.exit(65)  # no further attempt
print(json.dumps({"cents": PRICES[article]}))
