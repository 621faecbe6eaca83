"""Serves the S3 API of OpenStack Swift on a loopback port, with its files in a folder: see
scripts/s3. Swift's four servers are in this process.
"""

import array
import os
import sys

import eventlet
import eventlet.wsgi

eventlet.monkey_patch(all=False, socket=True, select=True, thread=True)

from swift.account.server import AccountController
from swift.common import utils
from swift.common.middleware import catch_errors, tempauth
from swift.common.middleware.s3api import s3api
from swift.common.ring import RingData
from swift.container.server import ContainerController
from swift.obj.server import ObjectController
from swift.proxy.server import Application

utils.HASH_PATH_SUFFIX = b"warren"


class Memory:
    """Stands for memcached, which tempauth wants."""

    def __init__(self, app):
        self.app = app
        self.values = {}

    def __call__(self, env, start_response):
        env["swift.cache"] = self
        return self.app(env, start_response)

    def get(self, key, *_, **__):
        return self.values.get(key)

    def set(self, key, value, *_, **__):
        self.values[key] = value

    def incr(self, key, delta=1, **_):
        self.values[key] = self.values.get(key, 0) + delta
        return self.values[key]

    def delete(self, key, *_, **__):
        self.values.pop(key, None)


def serve(listener, app):
    eventlet.spawn(eventlet.wsgi.server, listener, app, open(os.devnull, "w"), log_output=False)
    return listener.getsockname()[1]


def main(folder):
    os.makedirs(os.path.join(folder, "device"), exist_ok=True)
    conf = {
        "devices": folder, "swift_dir": folder, "mount_check": "false", "bind_ip": "127.0.0.1", "log_level": "ERROR",
        "log_address": os.path.join(folder, "none"), "allow_account_management": "yes", "account_autocreate": "true",
        "user_test_tester": "testing .admin", "workers": "0", "__name__": "swift",
    }
    listeners = {name: eventlet.listen(("127.0.0.1", 0)) for name in ("account", "container", "object", "proxy")}
    for name in ("account", "container", "object"):
        port = listeners[name].getsockname()[1]
        device = {"id": 0, "region": 1, "zone": 1, "weight": 1, "device": "device", "ip": "127.0.0.1", "port": port}
        device.update(replication_ip="127.0.0.1", replication_port=port)
        RingData([array.array("H", [0, 0])], [device], 31).save(os.path.join(folder, name + ".ring.gz"))
    serve(listeners["account"], AccountController(conf))
    serve(listeners["container"], ContainerController(conf))
    serve(listeners["object"], ObjectController(conf))
    app = tempauth.filter_factory(conf)(Application(conf))
    app = catch_errors.filter_factory(conf)(Memory(s3api.filter_factory(conf)(app)))
    print(serve(listeners["proxy"], app), flush=True)
    eventlet.tpool.execute(sys.stdin.read)


main(sys.argv[1])
