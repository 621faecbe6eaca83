"""The tasks of a Celery worker. AMQP_URL names its broker."""

import ast
import os
import time

from celery import Celery

app = Celery("tasks", broker=os.environ["AMQP_URL"], backend="rpc://")
app.conf.update(
    broker_connection_retry=False,  # what cannot be reached is a failure here
    task_default_queue=os.environ.get("CELERY_QUEUE", "celery.jobs"),
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=2,
    result_expires=60,
)


class Flaky(Exception):
    """Says that the next attempt may do better."""


@app.task(bind=True, autoretry_for=(Flaky,), retry_kwargs={"max_retries": 3, "countdown": 0.2})
def flaky(self, name):
    if self.request.retries < 2:
        raise Flaky(name)
    return f"{name} after {self.request.retries} retries"


@app.task
def add(a, b):
    return a + b


@app.task(bind=True)
def hopeless(self):
    raise self.retry(exc=Flaky("no use"), countdown=0.1, max_retries=1)


@app.task(bind=True)
def crash(self):
    """Kills the process it runs in, the first time."""
    if not self.request.delivery_info["redelivered"]:
        os.kill(os.getpid(), 9)
    return "done when redelivered"


@app.task(bind=True)
def relay(self, *args, **kwargs):
    """Sends what it was called with to a worker in Go."""
    request = self.request
    literals = ast.literal_eval(request.argsrepr), ast.literal_eval(request.kwargsrepr)
    app.send_task("tasks.seen", queue=os.environ["CELERY_GO_QUEUE"], ignore_result=True, kwargs={
        "id": request.id, "args": args, "kwargs": kwargs, "at": time.time(),
        "literals": literals == (args, kwargs), "limits": request.timelimit})


@app.task(bind=True)
def again(self, text):
    """Leaves its second attempt to a worker in Go."""
    raise self.retry(countdown=1, queue=os.environ["CELERY_GO_QUEUE"])
