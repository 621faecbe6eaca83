"""Talks to a broker by kombu (over py-amqp) and prints what it sees."""

import os
import socket
import time

from amqp.exceptions import AMQPError, MessageNacked
from kombu import Connection, Consumer, Exchange, Producer, Queue

URL = os.environ["AMQP_URL"]
OPTIONS = {"confirm_publish": True}
RETRY = {"interval_start": 0, "interval_step": 0.05, "max_retries": 20}

exchange = Exchange("kombu.events", "topic", durable=True)
dead = Queue("kombu.dead", Exchange("kombu.dlx", "fanout"), exclusive=True)
work = Queue("kombu.work", exchange, "user.*", exclusive=True, max_length=3, queue_arguments={
    "x-dead-letter-exchange": "kombu.dlx", "x-overflow": "reject-publish"})


def take(connection, consumer):
    """Returns the next message that the consumer is given, within 10 s."""
    taken = []
    consumer.callbacks = [lambda _, message: taken.append(message)]
    while not taken:
        connection.drain_events(timeout=10)
    return taken[0]


def publish(producer, number, **options):
    producer.publish({"number": number}, exchange=exchange, routing_key="user.created",
                     declare=[work, dead], retry=True, retry_policy=RETRY, **options)


def confirmed(connection):
    returned = []
    producer = Producer(connection, on_return=lambda error, *_: returned.append(error))
    publish(producer, 1, serializer="json", compression="zlib", priority=3, headers={"mine": 1})
    print("confirmed", connection.default_channel.queue_declare(work.name, passive=True)[1:])
    producer.publish({}, exchange=exchange, routing_key="nobody.asked", mandatory=True)
    print("returned", *returned)


def consumed(connection):
    with Consumer(connection, [work], prefetch_count=1, accept=["json"]) as consumer:
        message = take(connection, consumer)
        print("taken", message.payload, message.headers["mine"], message.properties["priority"],
              message.delivery_info["exchange"], message.delivery_info["routing_key"],
              "redelivered", message.delivery_info["redelivered"])
        message.requeue()
        message = take(connection, consumer)
        print("requeued", message.payload, "redelivered", message.delivery_info["redelivered"])
        message.reject()
    with Consumer(connection, [dead]) as consumer:
        message = take(connection, consumer)
        death = message.headers["x-death"][0]
        print("dead letter", message.payload, death["queue"], death["reason"], death["count"])
        message.ack()


def nacked(connection):
    producer = Producer(connection)
    try:
        for number in range(9):
            publish(producer, number)
    except MessageNacked:
        print("nacked after", number)
    print("purged", work(connection.default_channel).purge())


def recovered(connection):
    """The connection breaks, and publish connects, declares and publishes again."""
    producer = Producer(connection)
    before = connection.connection
    before.sock.shutdown(socket.SHUT_RDWR)
    publish(producer, 2)
    print("published by another connection", connection.connection is not before)
    with Consumer(connection, [work]) as consumer:
        message = take(connection, consumer)
        print("taken", message.payload)
        message.ack()


def simple(connection):
    with connection.SimpleQueue("kombu.simple") as queue:
        for number in range(3):
            queue.put({"number": number})
        for _ in range(3):
            message = queue.get(timeout=10)
            print("simple", message.payload)
            message.ack()
        print("left", len(queue))
    queue.queue(connection.default_channel).delete()


def refused(connection):
    work(connection.default_channel).declare()  # it went with its last consumer
    for queue in (
        Queue("kombu.work", exchange, "user.*", exclusive=True, max_length=4),
        Queue("kombu.missing"),
    ):
        channel = connection.channel()
        try:
            queue(channel).queue_declare(passive=queue.name == "kombu.missing")
        except AMQPError as error:
            print(error.reply_code, error.reply_text, error.method_sig)


def heartbeats():
    with Connection(URL, heartbeat=2) as connection:
        print("heartbeat", connection.get_heartbeat_interval())
        end = time.monotonic() + 6
        while time.monotonic() < end:
            try:
                connection.drain_events(timeout=0.1)
            except socket.timeout:
                connection.heartbeat_check(rate=2)
        print("alive", connection.connected, connection.default_channel.is_open)


with Connection(URL, transport_options=OPTIONS) as shared:
    print("connected to", shared.connection.server_properties["product"])
    for scene in (confirmed, consumed, nacked, recovered, simple, refused):
        scene(shared)
    exchange(shared.default_channel).delete()
heartbeats()
