package topology_test

import (
	"fmt"
	"log"

	"github.com/warren-mq/warren/topology"
)

func ExampleWorkQueue_Topology() {
	wanted := topology.WorkQueue{Name: "email", Exchange: "events", Keys: []string{"user.*"}}.Topology()
	for _, q := range wanted.Queues {
		fmt.Println(q.Name, q.Arguments["x-queue-type"], q.Arguments["x-delivery-limit"])
	}
	// Output:
	// email.dlq quorum 2147483647
	// email quorum 20
	// email.delay quorum 2147483647
	// warren.delayed.events quorum 2147483647
}

func ExampleTopology_Definitions() {
	wanted := topology.Topology{
		Exchanges: []topology.Exchange{{Name: "events", Kind: "topic"}},
		Queues:    []topology.Queue{{Name: "email", Arguments: map[string]any{"x-queue-type": "quorum"}}},
		Bindings:  []topology.Binding{{Exchange: "events", Key: "user.*", Queue: "email"}},
	}
	out, err := wanted.Definitions("/")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(out))
	// Output:
	// {
	//   "policies": [
	//     {
	//       "vhost": "/",
	//       "name": "warren",
	//       "pattern": "^warren\\.",
	//       "apply-to": "queues",
	//       "definition": {
	//         "delivery-limit": 2147483647
	//       },
	//       "priority": 1000000
	//     }
	//   ],
	//   "exchanges": [
	//     {
	//       "name": "events",
	//       "vhost": "/",
	//       "type": "topic",
	//       "durable": true,
	//       "auto_delete": false,
	//       "internal": false,
	//       "arguments": {}
	//     }
	//   ],
	//   "queues": [
	//     {
	//       "name": "email",
	//       "vhost": "/",
	//       "durable": true,
	//       "auto_delete": false,
	//       "arguments": {
	//         "x-queue-type": "quorum"
	//       }
	//     }
	//   ],
	//   "bindings": [
	//     {
	//       "source": "events",
	//       "vhost": "/",
	//       "destination": "email",
	//       "destination_type": "queue",
	//       "routing_key": "user.*",
	//       "arguments": {}
	//     }
	//   ]
	// }
}

func ExampleDeadLetters() {
	shared := topology.DeadLetters{Queue: "graveyard", MaxLength: 100_000, Overflow: "drop-head"}
	q := topology.WorkQueue{Name: "email", DeadLetters: shared}
	fmt.Println(q.DeadLetterQueue())
	fmt.Println(q.DeadLetterTarget())
	// Output:
	// graveyard
	// warren.dlx email
}

func ExampleTopology_DeadLetterQueue() {
	t := topology.WorkQueue{Name: "email", DeadLetters: topology.DeadLetters{Queue: "graveyard"}}.Topology()
	name, known := t.DeadLetterQueue("email")
	fmt.Println(name, known)
	// Output: graveyard true
}
