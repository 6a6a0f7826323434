package cli

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// screen collects what a terminal shows.
type screen struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// On a terminal a bar shows bytes, records, rate and time left; Ctrl-C ends an
// import whose input says nothing.
func TestImportOnATerminal(t *testing.T) {
	d := newImportDesk(t)
	keyboard, terminal := openTerminal(t)
	if err := unix.IoctlSetWinsize(int(keyboard.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 120}); err != nil {
		t.Fatal(err)
	}
	var shown screen
	reading := make(chan struct{})
	go func() {
		defer close(reading)
		_, _ = io.Copy(&shown, keyboard) // ends with an error when the terminal is closed
	}()
	silent, hangs := io.Pipe()
	defer func() { _ = hangs.Close() }() // never fails
	var text strings.Builder
	for i := range 5000 {
		text.WriteString(namedRecord(fmt.Sprint(i)) + "\n")
	}
	path := d.write("export.json", text.String())
	var stdout strings.Builder
	ended := make(chan int, 1)
	go func() { ended <- Main([]string{"import", "-c", d.cfg, path, "-"}, silent, &stdout, terminal) }()
	deadline := time.Now().Add(time.Minute)
	for !strings.Contains(shown.String(), "5000 records, ") {
		if time.Now().After(deadline) {
			t.Fatalf("on the screen: %.1000q", shown.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	select {
	case code := <-ended:
		if code != exitFailed || !strings.HasPrefix(stdout.String(), "read 5000 records: 5000 indexed") {
			t.Errorf("exit code %d, stdout %q", code, stdout.String())
		}
	case <-time.After(time.Minute):
		t.Fatal("Ctrl-C did not end it")
	}
	_ = terminal.Close() // nothing was written that could be lost
	<-reading
	for _, part := range []string{" KiB", " records, ", "/s", "█", "stopping when", "interrupted; the same command goes on here"} {
		if !strings.Contains(shown.String(), part) {
			t.Errorf("no %q on the screen: %.1000q", part, shown.String())
		}
	}
}
