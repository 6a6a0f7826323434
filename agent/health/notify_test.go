package health

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// serviceManager listens where systemd would, for the time of a test.
type serviceManager struct {
	*testing.T
	conn *net.UnixConn
}

func newServiceManager(t *testing.T) serviceManager {
	t.Helper()
	dir, err := os.MkdirTemp("", "notify") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) }) // it is temporary anyway
	path := filepath.Join(dir, "s")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // nobody reads any more
	t.Setenv("NOTIFY_SOCKET", path)
	return serviceManager{t, conn}
}

// next is the next message, or "" if none comes in that time.
func (m serviceManager) next(within time.Duration) string {
	m.Helper()
	if err := m.conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		m.Fatal(err)
	}
	b := make([]byte, 4096)
	n, err := m.conn.Read(b)
	if err != nil && !os.IsTimeout(err) {
		m.Fatal(err)
	}
	return string(b[:n])
}

func TestNotify(t *testing.T) {
	for name, tt := range map[string]struct {
		notify func() error
		want   string // a regular expression
	}{
		"ready":     {func() error { return NotifyReady("2 inputs") }, "READY=1\nSTATUS=2 inputs"},
		"reloading": {NotifyReloading, "RELOADING=1\nMONOTONIC_USEC=[0-9]+\n"},
		"stopping":  {func() error { return NotifyStopping("draining") }, "STOPPING=1\nSTATUS=draining"},
		"status":    {func() error { return NotifyStatus("waits for elasticsearch") }, "STATUS=waits for elasticsearch"},
		"a status of two lines is no second assignment": {
			func() error { return NotifyStatus("full\nMAINPID=1") }, "STATUS=full MAINPID=1"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newServiceManager(t)
			if err := tt.notify(); err != nil {
				t.Fatal(err)
			}
			if got := m.next(5 * time.Second); !regexp.MustCompile("^" + tt.want + "$").MatchString(got) {
				t.Errorf("systemd read %q, want %q", got, tt.want)
			}
		})
	}
}

func TestNotifyWithoutASystemd(t *testing.T) {
	t.Setenv("NOTIFY_SOCKET", "")
	if err := NotifyReady("ready"); err != nil {
		t.Errorf("nobody listens: %v", err)
	}
	t.Setenv("NOTIFY_SOCKET", "/nonexistent/socket")
	if err := NotifyReady("ready"); err == nil {
		t.Error("no error though systemd could not be told")
	}
}

// watch feeds the watchdog in the background until the test ends.
func watch(t *testing.T, progressing func() bool) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- FeedWatchdog(ctx, progressing) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func setWatchdog(t *testing.T, interval time.Duration) {
	t.Helper()
	t.Setenv("WATCHDOG_USEC", strconv.FormatInt(interval.Microseconds(), 10))
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
}

func TestWatchdogIsFedInTime(t *testing.T) {
	const interval = 2 * time.Second
	m := newServiceManager(t)
	setWatchdog(t, interval)
	watch(t, func() bool { return true })
	for range 3 {
		if got := m.next(interval); got != "WATCHDOG=1" {
			t.Fatalf("systemd read %q within the interval", got)
		}
	}
}

func TestWatchdogOfAnAgentThatHangsStarves(t *testing.T) {
	m := newServiceManager(t)
	setWatchdog(t, 40*time.Millisecond)
	asked := make(chan struct{})
	watch(t, func() bool {
		select {
		case asked <- struct{}{}:
		case <-t.Context().Done():
		}
		return false
	})
	for range 8 { // for two intervals
		<-asked
	}
	if got := m.next(time.Millisecond); got != "" {
		t.Errorf("systemd read %q", got)
	}
}

func TestWithoutAWatchdogNobodyIsAsked(t *testing.T) {
	for name, set := range map[string]func(t *testing.T){
		"none":                 func(t *testing.T) { t.Setenv("WATCHDOG_USEC", "") },
		"of another process":   func(t *testing.T) { setWatchdog(t, time.Second); t.Setenv("WATCHDOG_PID", "1") },
		"not for this service": func(t *testing.T) { setWatchdog(t, time.Second); t.Setenv("WATCHDOG_USEC", "") },
	} {
		t.Run(name, func(t *testing.T) {
			set(t)
			err := FeedWatchdog(t.Context(), func() bool { t.Error("was asked"); return true })
			if err != nil {
				t.Error(err)
			}
		})
	}
	setWatchdog(t, time.Second)
	t.Setenv("WATCHDOG_USEC", "soon")
	if err := FeedWatchdog(t.Context(), func() bool { return true }); err == nil {
		t.Error("an interval that is no number is no error")
	}
}
