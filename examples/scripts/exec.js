// The runner starts this script for each message. Its exit status decides.

const fs = require("node:fs");

const order = JSON.parse(fs.readFileSync(0, "utf8")); // the body; WARREN_… variables have the rest
const told = order.customer ? `order of ${order.customer}` : "an order without a customer";
fs.appendFileSync(process.env.REPORT, `Node, exec: ${told}\n`);
if (!order.customer) {
  console.error("the order has no customer"); // the error that "runner dlq" shows
  process.exitCode = 65; // a dead letter; 0 is done, and most other statuses are tried again
}
