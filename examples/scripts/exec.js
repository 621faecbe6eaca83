// The runner starts this script for each message. Its exit status is the outcome.

const fs = require("node:fs");

const order = JSON.parse(fs.readFileSync(0, "utf8")); // the body; the WARREN_… variables hold the metadata
const told = order.customer ? `order of ${order.customer}` : "an order without a customer";
fs.appendFileSync(process.env.REPORT, `Node, exec: ${told}\n`);
if (!order.customer) {
  console.error("the order has no customer"); // the error that "runner dlq" shows
  process.exitCode = 65; // dead-letters the message; 0 acknowledges it, and most other statuses retry it
}
