"""Sends tasks by name to a worker in another language."""

import os
import uuid

from celery import Celery

queue = os.environ["CELERY_QUEUE"]
app = Celery("producer", broker=os.environ["AMQP_URL"])
app.conf.update(task_default_queue=queue, task_ignore_result=True, broker_transport_options={"confirm_publish": True})

for n in range(200):
    app.send_task("tasks.add", args=(n,), kwargs={"b": n})
app.send_task("tasks.later", countdown=1, kwargs={"id": uuid.UUID(int=7)})
app.send_task("tasks.expired", expires=-1)
app.send_task("tasks.chained", link=app.signature("tasks.add", args=(1, 1)))
app.send_task("tasks.unknown")
print("sent")
