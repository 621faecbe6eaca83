"""Talks to a broker by pika and prints what it sees, a line for each thing."""

import datetime
import decimal
import os
import threading
import time

import pika
from pika.exceptions import (
    AMQPConnectionError,
    ChannelClosedByBroker,
    NackError,
    UnroutableError,
)


def connect(**changes):
    parameters = pika.URLParameters(os.environ["AMQP_URL"])
    for name, value in changes.items():
        setattr(parameters, name, value)
    return pika.BlockingConnection(parameters)


def exclusive(channel, name="", **arguments):
    return channel.queue_declare(name, exclusive=True, arguments=arguments).method.queue


def ready(channel, queue):
    return channel.queue_declare(queue, passive=True).method.message_count


def next_message(channel, queue, **options):
    """Returns method, properties and body of the next message, or Nones after 10 s."""
    for message in channel.consume(queue, inactivity_timeout=10, **options):
        return message


def handshake(connection):
    print("can", *sorted(
        name for name, there in connection._impl.server_capabilities.items() if there))


def declare(connection):
    channel = connection.channel()
    print("server-named", exclusive(channel).startswith("amq.gen-"))
    exclusive(channel, "pika.ttl", **{"x-message-ttl": 1000})
    for declare_again in (
        lambda c: exclusive(c, "pika.ttl", **{"x-message-ttl": 2000}),
        lambda c: c.queue_declare("pika.missing", passive=True),
        lambda c: c.exchange_declare("amq.mine"),
        lambda c: c.exchange_declare("amq.topic", exchange_type="direct", durable=True),
        lambda c: c.basic_publish("pika.missing", "", b"") or ready(c, "pika.ttl"),
    ):
        try:
            declare_again(connection.channel())
        except ChannelClosedByBroker as closed:
            print(closed.reply_code, closed.reply_text)


def confirm(connection):
    channel = connection.channel()
    channel.confirm_delivery()
    queue = exclusive(channel)
    channel.basic_publish("", queue, b"one", mandatory=True)
    print("confirmed, ready", ready(channel, queue))
    try:
        channel.basic_publish("", "pika.nowhere", b"two", mandatory=True)
    except UnroutableError as unroutable:
        method = unroutable.messages[0].method
        print("returned", method.reply_code, method.reply_text, method.routing_key)
    full = exclusive(channel, **{"x-max-length": 1, "x-overflow": "reject-publish"})
    try:
        for _ in range(3):
            channel.basic_publish("", full, b"three", mandatory=True)
    except NackError:
        print("nacked, ready", ready(channel, full))


def content(connection):
    channel = connection.channel()
    queue = exclusive(channel)
    body = bytes(range(256)) * 4096  # a MiB: many frames
    sent = pika.BasicProperties(
        content_type="text/plain", content_encoding="utf-8", delivery_mode=2, priority=7,
        correlation_id="c", reply_to="r", expiration="60000", message_id="m",
        timestamp=1700000000, type="t", user_id="guest", app_id="a",
        headers={
            "text": "héllo", "bytes": b"\x00\xff", "true": True, "none": None,
            "int": 7, "long": 1 << 40, "negative": -3,
            "decimal": decimal.Decimal("3.14"),
            "time": datetime.datetime(2024, 2, 29, 12, 30),
            "list": [1, "two", {"three": 3}], "table": {"nested": {"deep": True}},
        })
    channel.basic_publish("", queue, body, sent)
    _, got, received = next_message(channel, queue, auto_ack=True)
    print("body", "same" if received == body else "other",
          "properties", "same" if got == sent else f"{got} not {sent}")


def prefetch(connection):
    channel = connection.channel()
    channel.basic_qos(prefetch_count=2)
    queue = exclusive(channel)
    for number in range(5):
        channel.basic_publish("", queue, b"%d" % number)
    taken = []
    for method, _, body in channel.consume(queue, inactivity_timeout=10):
        taken.append(body.decode())
        if len(taken) % 2 == 0:
            print("taken", *taken, "ready", ready(channel, queue))
            channel.basic_ack(method.delivery_tag, multiple=True)
        if len(taken) == 5:
            break
    channel.basic_nack(method.delivery_tag, requeue=True)
    method, _, body = next_message(channel, queue)
    print("after nack", body.decode(), "redelivered", method.redelivered)
    channel.basic_recover(requeue=True)
    method, _, body = next_message(channel, queue)
    print("after recover", body.decode(), "redelivered", method.redelivered)
    channel.cancel()
    other = connection.channel()
    other.basic_publish("", queue, b"5")
    channel.close()  # and with it what was not acked goes back
    print("after close", *(get(other, queue) for _ in range(3)))


def get(channel, queue):
    method, _, body = channel.basic_get(queue, auto_ack=True)
    return (body.decode(), method.redelivered, method.message_count) if method else None


def dead_letter(connection):
    channel = connection.channel()
    dead = exclusive(channel)
    channel.exchange_declare("pika.dlx", exchange_type="fanout", auto_delete=True)
    channel.queue_bind(dead, "pika.dlx")
    exclusive(channel, "pika.work", **{"x-dead-letter-exchange": "pika.dlx"})
    channel.basic_publish("", "pika.work", b"bad", pika.BasicProperties(headers={"mine": 1}))
    method, _, _ = next_message(channel, "pika.work")
    channel.basic_nack(method.delivery_tag, requeue=False)
    channel.cancel()
    method, properties, body = next_message(channel, dead)
    death = properties.headers["x-death"][0]
    print("dead letter", body.decode(), "by", repr(method.exchange), method.routing_key,
          death["reason"], death["queue"], death["count"], repr(death["exchange"]),
          death["routing-keys"], properties.headers["x-first-death-reason"],
          "mine", properties.headers["mine"])


def retry(connection):
    """A message that is rejected waits in a queue with a TTL and comes back."""
    channel = connection.channel()
    exclusive(channel, "pika.jobs", **{
        "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "pika.wait"})
    exclusive(channel, "pika.wait", **{
        "x-message-ttl": 100, "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": "pika.jobs"})
    channel.basic_publish("", "pika.jobs", b"job")
    for method, properties, body in channel.consume("pika.jobs", inactivity_timeout=10):
        deaths = (properties.headers or {}).get("x-death", [])
        print("attempt", body.decode(), *(
            f"{d['queue']} {d['reason']} {d['count']}" for d in deaths))
        if deaths and deaths[0]["count"] == 2:
            channel.basic_ack(method.delivery_tag)
            break
        channel.basic_reject(method.delivery_tag, requeue=False)


def cancelled(connection):
    channel = connection.channel()
    queue = exclusive(channel)
    told = []
    channel.add_on_cancel_callback(lambda frame: told.append(frame.method.consumer_tag))
    channel.basic_consume(queue, lambda *_: None, consumer_tag="mine")
    other = connection.channel()
    other.queue_delete(queue)
    ready(channel, exclusive(channel))  # the cancellation came before the answer
    connection.process_data_events(0)
    print("cancelled by the broker", *told, "channel open", channel.is_open)


def heartbeats(connection):
    """With heartbeats an idle connection lives and a silent one is found out; without
    them a connection may be silent for longer than a handshake may last."""
    idle, silent, without = connect(heartbeat=2), connect(heartbeat=2), connect(heartbeat=0)
    exclusive(silent.channel(), "pika.silent")
    print("silent connection", state(connection))
    idle.process_data_events(time_limit=11)  # pika gives up after 7 s without a word
    print("idle connection open", idle.channel().is_open)
    print("silent connection", state(connection))
    try:
        silent.channel()
    except AMQPConnectionError:
        print("silent connection lost")
    print("connection without heartbeats open", without.channel().is_open)


def state(connection):
    """Returns the code that tells whether the silent connection still holds its queue."""
    try:
        connection.channel().queue_declare("pika.silent", passive=True)
    except ChannelClosedByBroker as closed:
        return closed.reply_code


def threads(_):
    """Four connections at once publish and take 200 messages each."""
    def work(taken):
        with connect() as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            channel.basic_qos(prefetch_count=10)
            queue = exclusive(channel)
            for number in range(200):
                channel.basic_publish("", queue, b"%d" % number, mandatory=True)
            for method, _, body in channel.consume(queue, inactivity_timeout=10):
                taken.append(int(body))
                channel.basic_ack(method.delivery_tag)
                if len(taken) == 200:
                    return

    lists = [[] for _ in range(4)]
    workers = [threading.Thread(target=work, args=(taken,)) for taken in lists]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    print("four connections, in order", *(taken == list(range(200)) for taken in lists))


def refused(_):
    for change in (
        {"credentials": pika.PlainCredentials("guest", "wrong")},
        {"virtual_host": "missing"},
    ):
        try:
            connect(**change)
        except AMQPConnectionError as error:
            print("refused", type(error).__name__, *error.args)


with connect() as shared:
    for scene in (handshake, declare, confirm, content, prefetch, dead_letter, retry,
                  cancelled, heartbeats, threads, refused):
        scene(shared)
print("closed", shared.is_closed)
