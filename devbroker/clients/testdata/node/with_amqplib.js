// Talks to a broker by amqplib and prints what it sees, a line for each thing.
'use strict';

const { once } = require('node:events');
const amqplib = require('amqplib');

const url = process.env.AMQP_URL;
const exclusive = { exclusive: true };

// inbox collects the messages of a consumer, to be awaited one by one.
async function inbox(channel, queue, options) {
  const messages = [];
  const waiting = [];
  const consumer = await channel.consume(queue, (message) => {
    if (waiting.length > 0) waiting.shift()(message);
    else messages.push(message);
  }, options);
  return {
    tag: consumer.consumerTag,
    next: () => messages.length > 0
      ? Promise.resolve(messages.shift())
      : new Promise((resolve) => waiting.push(resolve)),
  };
}

function text(message) {
  return message.content.toString();
}

async function ready(channel, queue) {
  return (await channel.checkQueue(queue)).messageCount;
}

async function confirm(connection) {
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue('', exclusive);
  for (let i = 0; i < 100; i++) channel.sendToQueue(queue, Buffer.from(String(i)), { persistent: true });
  await channel.waitForConfirms();
  console.log('confirmed 100, ready', await ready(channel, queue));

  const returned = once(channel, 'return');
  await new Promise((resolve) => channel.publish('', 'node.nowhere', Buffer.from('lost'), { mandatory: true }, resolve));
  const [{ fields, content }] = await returned;
  console.log('returned', fields.replyCode, fields.replyText, fields.routingKey, content.toString());

  const full = await channel.assertQueue('', { exclusive: true, maxLength: 1, arguments: { 'x-overflow': 'reject-publish' } });
  const outcomes = [1, 2].map(() => new Promise((resolve) =>
    channel.sendToQueue(full.queue, Buffer.alloc(1), {}, (error) => resolve(error ? error.message : 'ack'))));
  console.log('full queue', ...await Promise.all(outcomes));
}

async function content(connection) {
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('', exclusive);
  const body = Buffer.alloc(1 << 20, 'devbroker');
  const headers = { string: 'héllo', yes: true, nothing: null, int: 7, big: 2 ** 40, half: 1.5, list: [1, 'two'], table: { deep: { er: 1 } } };
  channel.sendToQueue(queue, body, {
    headers, contentType: 'text/plain', contentEncoding: 'utf-8', priority: 3, correlationId: 'c', replyTo: 'r',
    expiration: '60000', messageId: 'm', timestamp: 1700000000, type: 't', userId: 'guest', appId: 'a',
  });
  const message = await (await inbox(channel, queue, { noAck: true })).next();
  const sorted = Object.fromEntries(Object.entries(message.properties.headers).sort()); // as RabbitMQ does since 4.0
  console.log('body', body.equals(message.content) ? 'same' : 'other', JSON.stringify({ ...message.properties, headers: sorted }));
}

async function prefetch(connection) {
  const channel = await connection.createChannel();
  await channel.prefetch(2);
  const { queue } = await channel.assertQueue('', exclusive);
  for (let i = 0; i < 4; i++) channel.sendToQueue(queue, Buffer.from(String(i)));
  const box = await inbox(channel, queue);
  const taken = [await box.next(), await box.next()];
  console.log('taken', ...taken.map(text), 'ready', await ready(channel, queue));
  channel.nack(taken[1], false, true); // back to where it was
  const again = await box.next();
  console.log('requeued', text(again), 'redelivered', again.fields.redelivered);
  channel.ack(again, true);
  console.log('then', text(await box.next()), text(await box.next()));
  channel.nackAll(true);
  const back = await box.next();
  console.log('nackAll', text(back), back.fields.redelivered);
  await channel.cancel(box.tag);
  await channel.recover();
  const got = await channel.get(queue, { noAck: true });
  console.log('got', text(got), got.fields.redelivered, 'left', got.fields.messageCount);
}

async function deadLetter(connection) {
  const channel = await connection.createChannel();
  await channel.assertExchange('node.dlx', 'direct', { autoDelete: true });
  const dead = await channel.assertQueue('', exclusive);
  await channel.bindQueue(dead.queue, 'node.dlx', 'given-up');
  await channel.assertQueue('node.work', { exclusive: true, deadLetterExchange: 'node.dlx', deadLetterRoutingKey: 'given-up' });
  channel.sendToQueue('node.work', Buffer.from('bad'), { headers: { mine: 1 } });
  channel.nack(await (await inbox(channel, 'node.work')).next(), false, false);
  const message = await (await inbox(channel, dead.queue)).next();
  const [death] = message.properties.headers['x-death'];
  console.log('dead letter', text(message), 'by', message.fields.exchange, message.fields.routingKey,
    death.reason, death.queue, death.count, death['routing-keys'], 'mine', message.properties.headers.mine);
}

async function retry(connection) {
  const channel = await connection.createChannel();
  await channel.assertQueue('node.jobs', { exclusive: true, deadLetterExchange: '', deadLetterRoutingKey: 'node.wait' });
  await channel.assertQueue('node.wait', { exclusive: true, messageTtl: 100, deadLetterExchange: '', deadLetterRoutingKey: 'node.jobs' });
  channel.sendToQueue('node.jobs', Buffer.from('job'));
  const box = await inbox(channel, 'node.jobs');
  for (let attempt = 1; attempt <= 3; attempt++) {
    const message = await box.next();
    const deaths = message.properties.headers['x-death'] ?? [];
    console.log('attempt', attempt, ...deaths.map((d) => `${d.queue} ${d.reason} ${d.count}`));
    if (attempt < 3) channel.reject(message, false);
    else channel.ack(message);
  }
}

async function expiration(connection) {
  const channel = await connection.createChannel();
  await channel.assertQueue('node.late', exclusive);
  const { queue } = await channel.assertQueue('', { exclusive: true, deadLetterExchange: '', deadLetterRoutingKey: 'node.late' });
  channel.sendToQueue(queue, Buffer.from('old'), { expiration: '50' });
  const message = await (await inbox(channel, 'node.late')).next();
  console.log('expired', text(message), 'expiration', message.properties.expiration,
    'was', message.properties.headers['x-death'][0]['original-expiration']);
}

async function refused(connection) {
  const { queue } = await (await connection.createChannel()).assertQueue('node.ttl', { exclusive: true, messageTtl: 1000 });
  for (const act of [
    (c) => c.checkQueue('node.missing'),
    (c) => c.assertQueue(queue, { exclusive: true, messageTtl: 2000 }),
    (c) => c.bindQueue(queue, 'node.missing', ''),
    (c) => c.publish('node.missing', '', Buffer.alloc(0)),
    (c) => c.ack({ fields: { deliveryTag: 99 } }),
  ]) {
    const channel = await connection.createChannel();
    const failed = once(channel, 'error');
    Promise.resolve(act(channel)).catch(() => {}); // the event says as much
    const [error] = await failed;
    console.log(error.code, error.message);
  }
}

async function cancelled(connection) {
  const channel = await connection.createChannel();
  const { queue } = await channel.assertQueue('', exclusive);
  const box = await inbox(channel, queue);
  await channel.deleteQueue(queue);
  console.log('cancelled by the broker', await box.next());
}

async function recovered() {
  let current;
  const connection = await amqplib.connect(url, { recovery: { initialDelay: 10, setup: (model) => { current = model; } } });
  connection.on('error', () => {}); // the one made below
  const again = new Promise((resolve) => connection.once('connect', resolve));
  current.connection.stream.destroy(new Error('the network broke'));
  await again;
  const channel = await connection.createConfirmChannel();
  const { queue } = await channel.assertQueue('', exclusive);
  channel.sendToQueue(queue, Buffer.from('after'));
  await channel.waitForConfirms();
  console.log('recovered', text(await channel.get(queue, { noAck: true })));
  await connection.close();
}

async function login() {
  for (const [part, other] of [['guest:guest', 'guest:wrong'], [/\/$/, '/missing']]) {
    await amqplib.connect(url.replace(part, other)).catch((error) => console.log(error.message));
  }
}

// idle does nothing for longer than amqplib bears with a broker without heartbeats.
async function idle() {
  const connection = await amqplib.connect(`${url}?heartbeat=2`);
  await new Promise((resolve) => setTimeout(resolve, 5500));
  const { queue } = await (await connection.createChannel()).assertQueue('', exclusive);
  console.log('alive', queue.startsWith('amq.gen-'));
  await connection.close();
}

async function main() {
  const connection = await amqplib.connect(url);
  for (const scene of [confirm, content, prefetch, deadLetter, retry, expiration, refused, cancelled]) await scene(connection);
  await connection.close();
  for (const scene of [idle, recovered, login]) await scene();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
