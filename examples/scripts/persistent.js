// The runner starts this script once. It reads one message per line and answers each with a line.

const fs = require("node:fs");
const readline = require("node:readline");

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const message = JSON.parse(line);
  const order = JSON.parse(message.body);
  let answer = { id: message.id, ok: true };
  if (!order.customer) {
    // Without "permanent" the message is retried.
    answer = { id: message.id, error: "the order has no customer", permanent: true };
  }
  const told = order.customer ? `order of ${order.customer}` : "an order without a customer";
  fs.appendFileSync(process.env.REPORT, `Node, persistent: ${told}\n`);
  console.log(JSON.stringify(answer));
});
