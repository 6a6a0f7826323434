package checkpoint

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/auditship/auditship/agent/event"
)

// asSaver makes the test binary save positions in a directory until it is killed.
const asSaver = "AUDITSHIP_TEST_SAVE_IN"

func TestMain(m *testing.M) {
	if dir := os.Getenv(asSaver); dir != "" {
		if err := saveForEver(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// saveForEver saves growing positions of many streams, some of which go, and prints
// each number when its Save has returned. The log is written anew now and then.
func saveForEver(dir string) error {
	s, err := Open(dir)
	if err != nil {
		return err
	}
	n := 0
	for _, e := range s.Entries() {
		n = max(n, number(e))
	}
	for {
		n++
		entries := []Entry{{Stream: event.Stream{Name: "always"}, Position: position(n)}, {Stream: event.Stream{Name: fmt.Sprintf("%d", n)}, Position: padded(n)}}
		if n > 30 {
			entries = append(entries, Entry{Stream: event.Stream{Name: fmt.Sprintf("%d", n-30)}, Forget: true})
		}
		if err := s.Save(entries...); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

// padded is a position as large as that of a file.
func padded(n int) []byte {
	return fmt.Appendf(nil, `{"offset":%d,"path":"%0400d"}`, n, n)
}

func number(e Entry) int {
	var n int
	_, _ = fmt.Sscanf(string(e.Position), `{"offset":%d`, &n) // 0 for none, which the test would see
	return n
}

// R9, R12: whenever a process is killed while it writes the state, the next one
// starts, finds every position whose Save had returned or a later one, and none that
// was never saved.
func TestKillsDuringEveryWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "state")
	last, rewritten := 0, false
	for round := range 60 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), asSaver+"="+dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		kill := func() { _ = cmd.Process.Kill() }
		lines := bufio.NewScanner(out)
		if round%2 == 1 { // while it starts, which writes the log anew
			time.AfterFunc(time.Duration(rand.IntN(15_000))*time.Microsecond, kill)
		} else if lines.Scan() { // while it saves
			time.AfterFunc(time.Duration(rand.IntN(60_000))*time.Microsecond, kill)
		}
		saved := last
		for more := true; more; more = lines.Scan() {
			if n, err := strconv.Atoi(lines.Text()); err == nil { // the last may be cut
				saved = n
			}
		}
		_ = cmd.Wait() // killed, it says
		// A half-made log beside the old one is what a kill during a rewrite leaves.
		if half, _ := filepath.Glob(filepath.Join(dir, "."+logName+".*.new")); len(half) > 0 {
			rewritten = true
		}
		entries, err := Read(dir)
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for _, e := range entries {
			if e.Stream.Name == "always" {
				last = number(e)
			}
		}
		if last < saved || last > saved+1 {
			t.Fatalf("round %d: the position is %d, saved was %d", round, last, saved)
		}
		for _, e := range entries {
			if e.Stream.Name != "always" && e.Stream.Name != fmt.Sprint(number(e)) {
				t.Errorf("round %d: %s stands at %s", round, e.Stream, e.Position)
			}
		}
		if len(entries) > 33 {
			t.Errorf("round %d: %d streams are left", round, len(entries))
		}
	}
	t.Logf("%d saves survived 60 kills, one in the middle of a rewrite: %v", last, rewritten)
}

// What a kill in the middle of a rewrite leaves beside the log harms nobody.
func TestAHalfMadeLogIsNoLog(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir)
	if err := s.Save(Entry{Stream: event.Stream{Name: "a"}, Position: position(7)}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "."+logName+".HALF.new"), []byte("deadbeef {"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir)
	if got := s.Entries(); len(got) != 1 || offsetOf(t, got[0]) != 7 || s.Recovered() != 0 {
		t.Errorf("%v, %d damaged", got, s.Recovered())
	}
	if half, _ := filepath.Glob(filepath.Join(dir, "*.new")); len(half) > 0 {
		t.Errorf("%v is left", half)
	}
}
