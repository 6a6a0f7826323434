package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/auditship/auditship/agent/bench/sink"
)

// load is what one measurement carries.
type load struct {
	data   string // path or glob
	events int
	gzip   bool
	rules  string // "": peers/masking.yml
}

// measurement is one run of a shipper.
type measurement struct {
	cpu    time.Duration // user and system time of the shipper
	clock  time.Duration // from its start to the last event
	peak   int64         // resident memory in bytes
	counts sink.Counts
	lost   int64
	curve  []point
}

// point is how far a run was, and what it had cost.
type point struct {
	arrived int64
	cpu     time.Duration
	memory  int64
}

// stalled is how long nothing may arrive before a run is over.
const stalled = 30 * time.Second

// measure runs a shipper until every event arrived or nothing arrives any more.
func measure(ctx context.Context, s shipper, l load) (m measurement, err error) {
	dir, err := os.MkdirTemp("", "auditship-bench-")
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	state := filepath.Join(dir, "state")
	if err := os.Mkdir(state, 0o700); err != nil {
		return m, err
	}
	target := sink.New(l.events, 16)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return m, err
	}
	server := &http.Server{Handler: target.Handler(), ReadHeaderTimeout: time.Minute}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener) // http.ErrServerClosed
	}()
	defer func() {
		err = errors.Join(err, server.Close())
		<-served
	}()
	args, err := s.prepare(setting{
		Data: l.data, Config: dir, State: state, Port: listener.Addr().(*net.TCPAddr).Port, Gzip: l.gzip, Rules: l.rules,
	})
	if err != nil {
		return m, err
	}
	return run(ctx, exec.CommandContext(ctx, s.command, args...), target, l)
}

// run runs the command of a shipper into target and ends it.
func run(ctx context.Context, cmd *exec.Cmd, target *sink.Sink, l load) (m measurement, err error) {
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return m, err
	}
	var how error // it ended
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		how = cmd.Wait()
	}()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	moved, step := began, int64(l.events/10)
	for watching := true; watching; {
		select {
		case <-ctx.Done():
			<-ended // killed with ctx
			return m, ctx.Err()
		case <-ended:
			return m, fmt.Errorf("it ended by itself (%w): %.2000s", how, said.String())
		case <-target.All():
			watching = false
		case <-tick.C:
			arrived := target.Counts().Arrived
			if arrived > m.counts.Arrived || arrived == 0 && time.Since(began) < 2*stalled {
				moved = time.Now()
			}
			m.counts.Arrived = arrived
			if arrived > int64(len(m.curve)+1)*step {
				m.look(cmd.Process.Pid, arrived)
			}
			watching = time.Since(moved) < stalled
		}
	}
	m.look(cmd.Process.Pid, target.Counts().Arrived)
	last := m.curve[len(m.curve)-1]
	m.cpu, m.clock = last.cpu, target.Last().Sub(began)
	for _, p := range m.curve {
		m.peak = max(m.peak, p.memory)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return m, err
	}
	select {
	case <-ended: // how it ends is not measured
	case <-time.After(stalled):
		err = cmd.Process.Kill()
		<-ended
	}
	m.counts = target.Counts()
	m.lost = int64(l.events) - m.counts.Arrived
	return m, err
}

// look notes what a process has cost so far: its CPU time, and the most memory that
// was resident.
func (m *measurement) look(pid int, arrived int64) {
	p := point{arrived: arrived}
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid)) // gone: zero, and the run fails
	if at := bytes.LastIndexByte(stat, ')'); at >= 0 {
		fields := strings.Fields(string(stat[at+1:]))
		if len(fields) > 13 {
			user, _ := strconv.ParseInt(fields[11], 10, 64)
			system, _ := strconv.ParseInt(fields[12], 10, 64)
			p.cpu = time.Duration(user+system) * (time.Second / 100) // USER_HZ is 100 everywhere
		}
	}
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			p.memory = kib << 10
		}
	}
	m.curve = append(m.curve, p)
}
