package main

import (
	"flag"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

var interleavings = flag.Int("interleavings", 5, "how many series of steps TestR1_Interleavings tries")

// R1, R2, R6: whatever is done to the files and to the agent, in whatever order: what
// was written is there, once. The seed gives the steps; -chaos.seed gives others.
func TestR1_Interleavings(t *testing.T) {
	t.Parallel()
	for i := range *interleavings {
		t.Run(fmt.Sprintf("seed %d, series %d", *chaosSeed, i), func(t *testing.T) {
			r := random(100 + uint64(i))
			tr := newTrail(t)
			g := newGateway(tr.path(""), r)
			var agent *exec.Cmd
			steps := map[string]func(){
				"write":    func() { tr.must(g.write(20)) },
				"rotate":   func() { tr.must(g.rotate()) },
				"compress": func() { tr.must(g.compress()) },
				"idle":     func() { time.Sleep(time.Duration(r.IntN(1500)) * time.Millisecond) },
				"roll over": func() {
					_, _, err := tr.node.Do(t.Context(), "POST", "/"+tr.stream+"/_rollover", nil) // 404 before the first document
					tr.must(err)
				},
				"start": func() {
					if agent == nil {
						agent = tr.start()
						time.Sleep(time.Duration(r.IntN(600)) * time.Millisecond)
					}
				},
				"stop": func() {
					if agent != nil {
						_ = agent.Process.Signal(syscall.SIGTERM)
						_ = agent.Wait() // the signal may come before it is listened to
						agent = nil
					}
				},
				"kill": func() {
					if agent != nil {
						tr.kill(agent)
						agent = nil
					}
				},
			}
			names := []string{"compress", "idle", "kill", "roll over", "rotate", "rotate", "start", "start", "stop", "write", "write", "write"}
			var done []string
			for range 12 + r.IntN(20) {
				name := names[r.IntN(len(names))]
				done = append(done, name)
				steps[name]()
			}
			steps["start"]()
			want := g.expected()
			if !slices.Contains(done, "write") {
				tr.must(g.write(20))
				want = g.expected()
			}
			tr.until(fmt.Sprintf("%d documents after %s", want, strings.Join(done, ", ")), func() bool { return tr.count() >= want })
			steps["stop"]()
			if lost, twice := tr.lostAndTwice(g); lost+twice > 0 {
				t.Errorf("lost %d, twice %d after %s", lost, twice, strings.Join(done, ", "))
			}
		})
	}
}
