//go:build unix

package deadletter

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// children are what the test binary does as another process.
var children = map[string]func(args []string) error{
	"append": childAppend,
	"replay": childReplay,
	"limit":  childLimit,
}

func child(t *testing.T, task string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = append(os.Environ(), childTask+"="+task)
	cmd.Stderr = os.Stderr
	return cmd
}

// childAppend DIR FROM TO appends letters one by one and names each on stdout
// once it is durable.
func childAppend(args []string) error {
	b, err := Open(args[0], Options{})
	if err != nil {
		return err
	}
	b.closeAt = 3000
	from, _ := strconv.Atoi(args[1])
	to, _ := strconv.Atoi(args[2])
	for i := from; i < to; i++ {
		if err := b.Append(context.Background(), finished(i)); err != nil {
			return err
		}
		fmt.Println(i)
	}
	return nil
}

// childReplay DIR takes every letter and names it on stdout as a server would
// have stored it.
func childReplay(args []string) error {
	b, err := Open(args[0], Options{})
	if err != nil {
		return err
	}
	for {
		_, err := b.Replay(context.Background(), Replayer{Send: func(_ context.Context, letters []Letter, taken func(int)) error {
			for i, l := range letters {
				fmt.Println(l.ID)
				taken(i)
			}
			return nil
		}})
		if err != nil {
			return err
		}
	}
}

// childLimit DIR appends a small letter and then one that the system lets it
// write a part of.
func childLimit(args []string) error {
	signal.Ignore(syscall.SIGXFSZ)
	b, err := Open(args[0], Options{})
	if err != nil {
		return err
	}
	if err := b.Append(context.Background(), finished(0)); err != nil {
		return err
	}
	limit := syscall.Rlimit{Cur: 2000, Max: 2000}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	big := finished(99)
	big.Record = strings.Repeat("x", 5000)
	if err := b.Append(context.Background(), big); err == nil {
		return errors.New("the big letter was written although there was no room")
	}
	return b.Append(context.Background(), finished(1))
}

func TestSeveralProcessesAppend(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dl")
	var running []*exec.Cmd
	for p := range 3 {
		cmd := child(t, "append", dir, strconv.Itoa(p*20), strconv.Itoa(p*20+20))
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		running = append(running, cmd)
	}
	for _, cmd := range running {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	mustHoldEach(t, dir, 60)
}

func TestAWriteThatFailsHalfwayLeavesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dl")
	if out, err := child(t, "limit", dir).Output(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	mustHoldEach(t, dir, 2)
}

// TestKillsLoseNothing kills a process that appends and one that replays, again
// and again: every letter whose Append returned is taken or still there.
func TestKillsLoseNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "dl")
	written, taken := map[string]bool{}, map[string]bool{}
	for round := range 12 {
		appends := child(t, "append", dir, strconv.Itoa(round*1000), strconv.Itoa(round*1000+1000))
		replays := child(t, "replay", dir)
		outs := [2]*bufio.Scanner{}
		for i, cmd := range []*exec.Cmd{appends, replays} {
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			outs[i] = bufio.NewScanner(out)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
		}
		note := func(i int) {
			n, err := strconv.Atoi(outs[i].Text())
			switch {
			case i == 1:
				taken[outs[1].Text()] = true
			case err == nil: // not cut by the kill
				written[finished(n).ID] = true
			}
		}
		if round == 0 { // once they surely come to work, however slow it is
			for i, out := range outs {
				if out.Scan() {
					note(i)
				}
			}
		}
		// Each dies at its own moment, some time after it began to work.
		time.AfterFunc(50*time.Millisecond+rand.N(150*time.Millisecond), func() { _ = appends.Process.Kill() })
		time.AfterFunc(50*time.Millisecond+rand.N(150*time.Millisecond), func() { _ = replays.Process.Kill() })
		for i, out := range outs {
			for out.Scan() {
				note(i)
			}
		}
		_, _ = appends.Wait(), replays.Wait() // killed, as intended
	}
	letters, damaged := all(t, dir)
	if damaged != 0 {
		t.Errorf("%d damaged lines", damaged)
	}
	there := map[string]bool{}
	for _, l := range letters {
		if there[l.ID] {
			t.Errorf("%s is there twice", l.ID)
		}
		there[l.ID] = true
	}
	for id := range written {
		if !there[id] && !taken[id] {
			t.Errorf("%s is lost", id)
		}
	}
	if len(written) == 0 || len(taken) == 0 {
		t.Fatalf("%d written, %d taken: the test proves nothing", len(written), len(taken))
	}
	t.Logf("%d written, %d taken, %d left", len(written), len(taken), len(there))
}
