package redisstore_test

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/warren-mq/warren/dedupe"
	"github.com/warren-mq/warren/dedupe/dedupetest"
	"github.com/warren-mq/warren/dedupe/redisstore"
	"github.com/warren-mq/warren/internal/rabbit"
)

// freePorts returns TCP ports on which nothing listens.
func freePorts(t *testing.T, n int) []int {
	t.Helper()
	ports := make([]int, n)
	for i := range ports {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()                         //nolint:errcheck // it was never used
		ports[i] = l.Addr().(*net.TCPAddr).Port //nolint:errcheck,forcetypeassert // of a TCP listener
	}
	return ports
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// serve starts a server with further settings.
func serve(t *testing.T, file, settings string) *server {
	t.Helper()
	s := prepare(t)
	s.configure(file, "bind 127.0.0.1\n"+settings)
	s.start()
	return s
}

// watched starts a master with a replica, and three Sentinels that replace the master when it
// has been away for a second. It returns the master and the addresses of the Sentinels.
func watched(t *testing.T) (master *server, sentinels []string) {
	t.Helper()
	ports := freePorts(t, 5)
	master = serve(t, "redis.conf", fmt.Sprintf("port %d\n", ports[0]))
	serve(t, "redis.conf", fmt.Sprintf("port %d\nreplicaof 127.0.0.1 %d\n", ports[1], ports[0]))
	for _, port := range ports[2:] {
		serve(t, "sentinel.conf", fmt.Sprintf(
			"port %d\nsentinel monitor main 127.0.0.1 %d 2\nsentinel down-after-milliseconds main 1000\nsentinel failover-timeout main 5000\n",
			port, ports[0]))
		sentinels = append(sentinels, address(port))
	}
	asked := redis.NewSentinelClient(&redis.Options{Addr: sentinels[0], ContextTimeoutEnabled: true})
	defer asked.Close() //nolint:errcheck // it has only read
	rabbit.Eventually(t, patience, func() bool {
		replicas, err := asked.Replicas(t.Context(), "main").Result()
		others, failed := asked.Sentinels(t.Context(), "main").Result()
		return err == nil && failed == nil && len(replicas) == 1 && replicas[0]["master-link-status"] == "ok" && len(others) == 2
	}, "the Sentinels know the replica and each other")
	return master, sentinels
}

// TestSentinelReplacesTheMaster: the store continues with the replica, which has the marks that
// it had confirmed to the master.
func TestSentinelReplacesTheMaster(t *testing.T) {
	t.Parallel()
	master, sentinels := watched(t)
	client := redis.NewFailoverClient(&redis.FailoverOptions{MasterName: "main", SentinelAddrs: sentinels, ContextTimeoutEnabled: true})
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	store := redisstore.New(client, redisstore.Config{})
	token := wantClaim(t, store, "completed", dedupe.Won)
	if err := store.Complete(t.Context(), "completed", token); err != nil {
		t.Error(err)
	}
	running := wantClaim(t, store, "running", dedupe.Won)
	if n, err := client.Wait(t.Context(), 1, patience).Result(); n != 1 || err != nil {
		t.Fatalf("%d replicas have the marks, %v; want 1", n, err)
	}
	master.kill()
	began := time.Now()
	rabbit.Eventually(t, patience, func() bool {
		claim, _, err := store.Claim(t.Context(), "after", time.Hour)
		return claim == dedupe.Won && err == nil
	}, "the replica takes claims")
	t.Logf("claims were refused for %v", time.Since(began).Round(10*time.Millisecond))
	wantClaim(t, store, "completed", dedupe.Done)
	wantClaim(t, store, "running", dedupe.Busy)
	if err := store.Complete(t.Context(), "running", running); err != nil {
		t.Error(err)
	}
	wantClaim(t, store, "running", dedupe.Done)
}

// clustered starts three masters, each with a third of the slots.
func clustered(t *testing.T) (nodes []*server, client *redis.ClusterClient) {
	t.Helper()
	ports := freePorts(t, 6)
	const slots = 16384
	var addresses []string
	for i, port := range ports[:3] {
		nodes = append(nodes, serve(t, "redis.conf", fmt.Sprintf(
			"port %d\ncluster-enabled yes\ncluster-port %d\ncluster-node-timeout 5000\ncluster-require-full-coverage no\n", port, ports[3+i])))
		addresses = append(addresses, address(port))
		direct := nodes[i].client(func(*redis.Options) {})
		first, last := slots*i/3, slots*(i+1)/3-1
		if err := direct.ClusterAddSlotsRange(t.Context(), first, last).Err(); err != nil {
			t.Fatal(err)
		}
		if err := direct.Do(t.Context(), "CLUSTER", "MEET", "127.0.0.1", ports[0], ports[3]).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for _, node := range nodes {
		direct := node.client(func(*redis.Options) {})
		rabbit.Eventually(t, patience, func() bool {
			info, err := direct.ClusterInfo(t.Context()).Result()
			return err == nil && strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_slots_ok:16384")
		}, "each node knows all slots")
	}
	client = redis.NewClusterClient(&redis.ClusterOptions{Addrs: addresses, ContextTimeoutEnabled: true, MaxRedirects: 2})
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return nodes, client
}

func TestTheStoreKeepsTheContractInACluster(t *testing.T) {
	t.Parallel()
	_, client := clustered(t)
	one, other := redisstore.New(client, redisstore.Config{}), redisstore.New(client, redisstore.Config{})
	dedupetest.Run(t, func(*testing.T) (dedupe.Store, dedupe.Store) { return one, other })
}

// TestANodeOfAClusterIsKilled: its keys are refused until it is back, and have their marks then. The
// keys of the other nodes are not affected.
func TestANodeOfAClusterIsKilled(t *testing.T) {
	t.Parallel()
	nodes, client := clustered(t)
	store := redisstore.New(client, redisstore.Config{})
	const keys = 60
	key := func(n int) string { return fmt.Sprint("key ", n) }
	for n := range keys {
		token := wantClaim(t, store, key(n), dedupe.Won)
		if err := store.Complete(t.Context(), key(n), token); err != nil {
			t.Error(err)
		}
	}
	nodes[0].kill()
	refused := 0
	for n := range keys {
		switch claim, _, err := store.Claim(t.Context(), key(n), time.Hour); {
		case err != nil:
			refused++
		case claim != dedupe.Done:
			t.Errorf("%s is %v while a node is away, want Done or an error", key(n), claim)
		}
	}
	if refused == 0 || refused == keys {
		t.Errorf("%d of %d claims were refused, want a part", refused, keys)
	}
	nodes[0].start()
	for n := range keys {
		rabbit.Eventually(t, patience, func() bool {
			claim, _, err := store.Claim(t.Context(), key(n), time.Hour)
			return err == nil && claim == dedupe.Done
		}, "the mark of each key is there")
	}
}
