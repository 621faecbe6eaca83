package rabbit

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// takeProcess takes a node that no other test uses, also in other packages, or starts one: a start
// takes 5 s of a core. scripts/rabbitmq run removes the nodes in the end.
func takeProcess(script, pool string) (n *process, give func() error, err error) {
	if err := os.MkdirAll(pool, 0o700); err != nil { //nolint:gosec // a folder of scripts/rabbitmq
		return nil, nil, fmt.Errorf("rabbit: folder for nodes: %w", err)
	}
	for i := 0; ; i++ {
		n = &process{script: script, dir: filepath.Join(pool, strconv.Itoa(i))}
		lock, err := lockFile(n.dir + ".lock")
		if errors.Is(err, syscall.EWOULDBLOCK) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		if err := n.renew(); err != nil {
			return nil, nil, errors.Join(err, lock.Close())
		}
		return n, lock.Close, nil
	}
}

// lockFile makes and locks a file until it is closed or the process ends.
func lockFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // in the folder of the nodes
	if err != nil {
		return nil, fmt.Errorf("rabbit: lock a node: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("rabbit: lock a node: %w", err), f.Close())
	}
	return f, nil
}

// renewed is what a new node has: no queues and policies, no user but guest, no alarm, and the limits of its release.
const renewed = `rabbit:is_running() orelse (ok = rabbit:start()),
	{ok, [{application, rabbit, Keys}]} = file:consult(code:where_is_file("rabbit.app")),
	Default = fun(Name) -> proplists:get_value(Name, proplists:get_value(env, Keys)) end,
	[application:set_env(rabbit, Name, Default(Name)) || Name <- [max_message_size, consumer_timeout, channel_tick_interval]],
	persistent_term:put(max_message_size, Default(max_message_size)),
	ok = vm_memory_monitor:set_vm_memory_high_watermark(0.4),
	[ok = rabbit_auth_backend_internal:delete_user(U, <<"test">>) || [{user, U} | _] <- rabbit_auth_backend_internal:list_users(), U =/= <<"guest">>],
	[ok = rabbit_vhost:delete(V, <<"test">>) || V <- rabbit_vhost:list_names()],
	ok = rabbit_vhost:add(<<"/">>, <<"test">>),
	ok = rabbit_auth_backend_internal:set_permissions(<<"guest">>, <<"/">>, <<".*">>, <<".*">>, <<".*">>, <<"test">>).`

// renew makes the node like a new one, and starts it if it was killed or is new.
func (p *process) renew() (err error) {
	if isFile(filepath.Join(p.dir, "node")) {
		if _, err = p.command("eval", renewed); err == nil {
			p.url, err = p.command("url")
			return err
		}
		if _, err := p.command("remove"); err != nil {
			return err
		}
	}
	return p.start(setup{})
}
