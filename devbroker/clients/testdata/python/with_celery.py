"""Sends tasks to a Celery worker and prints their results."""

from celery import chain, group
from tasks import add, app, crash, flaky, hopeless

print("flaky", flaky.delay("mail").get(timeout=30))
print("many", sum(group(add.s(n, n) for n in range(50))().get(timeout=30)))
print("chain", chain(add.s(1, 2), add.s(3), add.s(4))().get(timeout=30))
print("later", add.apply_async((1, 1), countdown=0.3).get(timeout=30))
try:
    hopeless.delay().get(timeout=30)
except Exception as error:
    print("hopeless", type(error).__name__, error)
print("crash", crash.delay().get(timeout=30))
print("workers", [list(answer.values()) for answer in app.control.ping(timeout=2, limit=1)])
with app.connection_for_read() as connection:
    channel = connection.default_channel
    print("left", channel.queue_declare("celery.jobs", passive=True).message_count)
    channel.queue_delete("celery.jobs")
