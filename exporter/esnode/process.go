package esnode

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// process is a running Java process and what it started. One goroutine waits
// for it and closes done.
type process struct {
	cmd  *exec.Cmd
	log  *tail
	done chan struct{}
}

// startProcess starts the command as runAs. On Linux the kernel kills it when
// the thread that started it ends; the goroutine keeps that thread until then.
func startProcess(cmd *exec.Cmd, as *account, log io.Writer) (*process, error) {
	p := &process{cmd: cmd, log: &tail{also: log}, done: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.log, p.log
	// The pipe closes when the server ends, which the launcher started: with
	// done, both are gone.
	cmd.WaitDelay = 5 * time.Second
	confine(cmd, as)
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		defer close(p.done)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // ended reads the state it leaves
		}
	}()
	if err := <-started; err != nil {
		<-p.done
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return p, nil
}

// ended tells how the process ended, with the end of its log.
func (p *process) ended() error {
	<-p.done
	return fmt.Errorf("ended (%s); its log ends with:\n%s", exitState(p.cmd.ProcessState), p.log.String())
}

func exitState(state *os.ProcessState) string {
	if state == nil {
		return "not started"
	}
	return state.String()
}

// signal reaches the process and all it started, unless they have ended.
func (p *process) signal(s syscall.Signal) error {
	select {
	case <-p.done:
		return os.ErrProcessDone
	default:
		return signalGroup(p.cmd.Process, s)
	}
}

// stop asks the process to end, waits, and kills what is left after a while.
func (p *process) stop(patience time.Duration) error {
	_ = p.signal(proceed)   // it may be paused
	_ = p.signal(terminate) // an error means that it has ended already
	select {
	case <-p.done:
		return nil
	case <-time.After(patience):
		return p.kill()
	}
}

// kill ends the process and all it started at once.
func (p *process) kill() error {
	if err := p.signal(kill); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("kill process %d: %w", p.cmd.Process.Pid, err)
	}
	<-p.done
	return nil
}

// tailSize bounds the log lines that an error quotes.
const tailSize = 8 << 10

// tail passes on what is written and remembers its end.
type tail struct {
	also io.Writer // may be nil

	mu  sync.Mutex
	end []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.end = append(t.end, p...)
	if over := len(t.end) - tailSize; over > 0 {
		t.end = append(t.end[:0], t.end[over:]...)
	}
	if t.also != nil {
		_, _ = t.also.Write(p) // a reader of the log that fails must not stop the node
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.end))
}
