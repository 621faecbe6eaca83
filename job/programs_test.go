package job_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/warren-mq/warren/job"
	"github.com/warren-mq/warren/message"
)

// programs are what the test binary is when PROGRAM names one. Each returns its exit status.
var programs = map[string]func() int{
	"exit": exit, "tell": tell, "flood": flood, "nest": nest, "wait": wait, "graceful": graceful, "runner": runner,
	"answer": answer, "old": old, "lines": lines, "note": noting,
}

// program is an Exec that runs the test binary as one of the programs.
func program(name string, env ...string) job.Exec {
	return job.Exec{Command: []string{os.Args[0]}, Env: append([]string{"PROGRAM=" + name}, env...)}
}

// exit says what SAY has and exits with CODE.
func exit() int {
	fmt.Fprint(os.Stderr, strings.ReplaceAll(os.Getenv("SAY"), "|", "\n"))
	code, err := strconv.Atoi(os.Getenv("CODE"))
	if err != nil { // a signal
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	return code
}

// lines writes LINES to stdout and exits with CODE.
func lines() int {
	_, _ = os.Stdout.WriteString(os.Getenv("LINES"))
	code, _ := strconv.Atoi(os.Getenv("CODE"))
	return code
}

// noting writes NOTES to descriptor 3 and exits with CODE.
func noting() int {
	fd, err := strconv.Atoi(os.Getenv("WARREN_CHECKPOINT_FD"))
	if err != nil {
		panic(err)
	}
	_, _ = os.NewFile(uintptr(fd), "notes").WriteString(os.Getenv("NOTES")) // a bad line closes the other end
	return exit()
}

// tell writes its stdin, directory and environment as JSON to the file TELL.
func tell() int {
	body, _ := io.ReadAll(os.Stdin)
	dir, _ := os.Getwd()
	all, err := json.Marshal(told{Body: body, Dir: dir, Env: os.Environ()})
	if err != nil {
		panic(err)
	}
	if err := os.WriteFile(os.Getenv("TELL"), all, 0o600); err != nil {
		panic(err)
	}
	return 0
}

type told struct {
	Body []byte   `json:"body"`
	Dir  string   `json:"dir"`
	Env  []string `json:"env"`
}

const megabyte = 1 << 20

// flood writes as many megabytes as its stdin says to each of its outputs.
func flood() int {
	var n int
	if _, err := fmt.Scan(&n); err != nil {
		panic(err)
	}
	out, err := bytes.Repeat([]byte("o"), megabyte), bytes.Repeat([]byte("\x1b[31me"), megabyte/6)
	for range n {
		_, _ = os.Stdout.Write(out)
		_, _ = os.Stderr.Write(err)
	}
	return 1
}

// hello connects to the test, says its process id and holds on to the connection: its
// end ends the process.
func hello() net.Conn {
	conn, err := net.Dial("unix", os.Getenv("SOCKET"))
	if err != nil {
		panic(err)
	}
	if _, err := fmt.Fprintln(conn, os.Getpid()); err != nil {
		panic(err)
	}
	return conn
}

func closing(c io.Closer) { _ = c.Close() }

// wait deafly waits without an end.
func wait() int {
	signal.Ignore(syscall.SIGTERM)
	defer closing(hello())
	_, _ = io.Copy(io.Discard, forever{})
	return 0
}

type forever struct{}

func (forever) Read([]byte) (int, error) {
	<-context.Background().Done()
	return 0, io.EOF
}

// nest starts a child, another one in a session of its own, and waits with them, or
// exits with CODE once they are there.
func nest() int {
	for _, own := range []bool{false, true} {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "PROGRAM=wait")
		child.Stdout, child.Stderr = os.Stdout, os.Stderr
		child.SysProcAttr = &syscall.SysProcAttr{Setsid: own}
		if err := child.Start(); err != nil {
			panic(err)
		}
	}
	code, err := strconv.Atoi(os.Getenv("CODE"))
	if err != nil {
		return wait()
	}
	conn := hello()
	_, _ = bufio.NewReader(conn).ReadString('\n') // the test has seen them all
	return code
}

// graceful exits with CODE at SIGTERM.
func graceful() int {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGTERM)
	defer closing(hello())
	<-told
	return exit()
}

// runner handles a message by a command that waits.
func runner() int {
	h, err := program("wait", "SOCKET").Handler()
	if err != nil {
		panic(err)
	}
	defer closing(hello())
	_ = h.Handle(context.Background(), &message.Message{})
	return 0
}

// answer is a persistent program. The body of a message, or of the first one of a batch, is the answer, to which it adds
// the id, or one of the words below.
func answer() int {
	fmt.Fprintln(os.Stderr, "started")
	in := bufio.NewReader(os.Stdin)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			fmt.Fprintln(os.Stderr, "no more messages")
			return 0
		}
		var r map[string]any
		if err := json.Unmarshal(line, &r); err != nil {
			panic(err)
		}
		body, _ := r["body"].(string)
		if batch, ok := r["messages"].([]any); ok {
			body, _ = batch[0].(map[string]any)["body"].(string)
		}
		switch body {
		case "die":
			fmt.Fprintln(os.Stderr, "\x1b[1mTraceback\x1b[0m: out of luck")
			return 3
		case "hang":
			return wait()
		case "garbage":
			fmt.Println("Hello, world!")
		case "flood 1", "flood 100":
			n, _ := strconv.Atoi(strings.TrimPrefix(body, "flood "))
			out := bytes.Repeat([]byte("x"), megabyte)
			for range n {
				_, _ = os.Stdout.Write(out)
			}
		case "twice":
			fmt.Printf(`{"id":%v,"ok":true}`+"\n"+`{"id":%v,"ok":true}`+"\n", r["id"], r["id"])
		case "pid":
			fmt.Printf(`{"id":%v,"error":"%d"}`+"\n", r["id"], os.Getpid())
		case "echo":
			delete(r, "body")
			fmt.Printf(`{"id":%v,"error":%q}`+"\n", r["id"], fmt.Sprint(pairs(r)))
		default:
			fmt.Printf(`{"id":%v,%s`+"\n", r["id"], strings.TrimPrefix(body, "{"))
		}
	}
}

func pairs(m map[string]any) (all []string) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		all = append(all, fmt.Sprintf("%s=%v", k, m[k]))
	}
	return all
}

// old answers one message and exits, as programs do that renew themselves.
func old() int {
	conn := hello()
	defer runtime.KeepAlive(conn) // closed by its end and not before, when stdin is closed as well
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	fmt.Println(`{"id":1,"ok":true}`)
	return 0
}
