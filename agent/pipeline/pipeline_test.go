package pipeline

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/auditship/auditship/agent/checkpoint"
	"github.com/auditship/auditship/agent/event"
)

// R4: a file with one small record is indexed as soon as a long one is, and two files
// with the same first record are both read once. The fastest of three counts: the
// machine does other things meanwhile.
func TestR4_TinyFilesArriveAtOnce(t *testing.T) {
	s := newStand(t)
	ledger := s.while(func(*Pipeline) {
		count := 0
		fastest := func(name string, records int) time.Duration {
			least := time.Hour
			for n := range 3 {
				began := time.Now()
				s.write(fmt.Sprintf("%s-%d.json", name, n), recordLines(count, count+records))
				count += records
				s.eventually(count)
				least = min(least, time.Since(began))
			}
			return least
		}
		long := fastest("long", 100) // its head is longer than what tells files apart
		if tiny := fastest("tiny", 1); tiny > 5*long {
			t.Errorf("a tiny file took %v, a long one %v", tiny, long)
		}
		s.write("same-head.json", record(1)+"\n"+record(count)+"\n")
		s.eventually(count + 1)
	})
	if ledger.Read != 305 || ledger.Indexed != 304 || ledger.Duplicate != 1 {
		t.Errorf("ledger %+v", ledger)
	}
}

// R7: every layout arrives, and the bad record in its middle becomes a dead letter
// with its file and offset.
func TestR7_EveryLayoutArrives(t *testing.T) {
	s := newStand(t)
	bad := `{"id":"bad","event_time":oops}`
	n := 0
	next := func() string { n++; return record(n) }
	var zipped bytes.Buffer
	zw := gzip.NewWriter(&zipped)
	if _, err := fmt.Fprintf(zw, "%s\n%s\n", next(), next()); err != nil {
		t.Fatal(err)
	}
	s.must(zw.Close())
	bom := "\xef\xbb\xbf"
	for name, text := range map[string]string{
		"lines.json":        next() + "\n" + bad + "\n" + next() + "\n",
		"crlf.json":         bom + next() + "\r\n" + bad + "\r\n" + next() + "\r\n",
		"array.json":        "[" + next() + "," + bad + "," + next() + "]",
		"pretty.json":       "{\n  " + next()[1:] + "\n{\n  \"id\": \"bad\",\n  \"event_time\": oops\n}\n" + next() + "\n",
		"concatenated.json": next() + bad + next() + "\n",
		"half.json":         next() + "\n" + next()[:40],
		"zipped.json.gz":    zipped.String(),
	} {
		s.write(name, text)
	}
	ledger := s.once()
	if want := n - 1; s.count() != want || int(ledger.Indexed) != want {
		t.Errorf("%d of %d records arrived; ledger %+v", s.count(), want, ledger)
	}
	var places []string
	for _, l := range s.letters() {
		places = append(places, fmt.Sprintf("%s %s at %d", l.Reason, filepath.Base(l.Path), l.Offset))
	}
	slices.Sort(places)
	first := len(record(1))
	want := []string{
		fmt.Sprintf("broken_json array.json at %d", 1+first+1), fmt.Sprintf("broken_json concatenated.json at %d", first),
		fmt.Sprintf("broken_json crlf.json at %d", 3+first+2), fmt.Sprintf("broken_json lines.json at %d", first+1),
		fmt.Sprintf("broken_json pretty.json at %d", first+4), fmt.Sprintf("cut_short half.json at %d", first+1),
	}
	if !equalButForDigits(places, want) {
		t.Errorf("dead letters\n%s\nwant\n%s", strings.Join(places, "\n"), strings.Join(want, "\n"))
	}
}

// equalButForDigits allows for ids of different lengths in the records before.
func equalButForDigits(got, want []string) bool {
	return slices.EqualFunc(got, want, func(a, b string) bool {
		var x, y int
		i, j := strings.LastIndexByte(a, ' '), strings.LastIndexByte(b, ' ')
		_, errA := fmt.Sscan(a[i:], &x)
		_, errB := fmt.Sscan(b[j:], &y)
		return errA == nil && errB == nil && a[:i] == b[:j] && max(x-y, y-x) <= 2
	})
}

// R16: other masking rules, other versions, another agent: the same _id.
func TestR16_TheIDDoesNotDependOnTheRules(t *testing.T) {
	s := newStand(t)
	rules := filepath.Join(s.dir, "rules.yml")
	s.must(os.WriteFile(rules, []byte("masking:\n  version: 1\n  rules:\n    - {id: all, select: {path: id}, action: redact}\n    - {id: who, select: {path: operator.username}, action: redact}\n"), 0o600))
	s.write("a.json", recordLines(0, 5))
	s.once()
	before := s.documents()
	s.config.Masking.Rules = []string{rules}
	s.config.StateDir = filepath.Join(s.dir, "another-state")
	ledger := s.once()
	if ledger.Duplicate != 5 || s.count() != 5 {
		t.Errorf("under other rules: %+v, %d documents", ledger, s.count())
	}
	if len(before) != 5 {
		t.Fatalf("%d documents", len(before))
	}
}

func TestRecordsWithoutAnID(t *testing.T) {
	s := newStand(t)
	same := `{"event_time":1764000000,"event_type":"Login","operator":{"username":"Ops"}}`
	other := strings.Replace(same, "Login", "Logout", 1)
	s.write("a.json", same+"\n"+same+"\n"+other+"\n")
	if ledger := s.once(); ledger.Indexed != 3 {
		t.Fatalf("first run: %+v", ledger)
	}
	// The same file grows by one more of the same; what came before is counted.
	s.write("a.json", same+"\n")
	if ledger := s.once(); ledger.Indexed != 1 || ledger.Read != 1 {
		t.Errorf("after it grew: %+v", ledger)
	}
	// A copy of the file adds nothing.
	text, err := os.ReadFile(s.path("a.json"))
	s.must(err)
	s.write("copy.json", string(text))
	if ledger := s.once(); ledger.Duplicate != 4 || s.count() != 4 {
		t.Errorf("a copy: %+v, %d documents", ledger, s.count())
	}
}

// R17 through the whole agent: index, roll over, lose the state, read everything
// again.
func TestR17_ARolloverAndALostStateAddNothing(t *testing.T) {
	s := newStand(t)
	s.write("a.json", recordLines(0, 500))
	s.once()
	s.call("POST", "/"+s.stream+"/_rollover", "")
	s.config.StateDir = filepath.Join(s.dir, "new-state")
	s.write("a.json", recordLines(500, 600))
	ledger := s.once()
	if ledger.Duplicate != 500 || ledger.Indexed != 100 || s.count() != 600 {
		t.Errorf("%+v, %d documents", ledger, s.count())
	}
}

// R11: under a new input id, or after the state was cleaned by hand, everything is
// read again, which changes nothing but the count of duplicates. So do the records
// without an id, as long as the id_key stays.
func TestR11_CleaningTheStateAddsNothing(t *testing.T) {
	s := newStand(t)
	anonymous := `{"event_time":1700000000,"event_type":"Login"}` + "\n"
	s.write("a.json", recordLines(0, 100)+anonymous+anonymous)
	s.once()
	for name, clean := range map[string]func(){
		"a renamed input":   func() { s.config.Inputs[0].ID = "renamed" },
		"positions removed": func() { s.must(os.Remove(filepath.Join(s.config.StateDir, "positions.log"))) },
		"positions emptied": func() { s.must(os.Truncate(filepath.Join(s.config.StateDir, "positions.log"), 0)) },
		"positions overwrote": func() {
			s.must(os.WriteFile(filepath.Join(s.config.StateDir, "positions.log"), []byte("\x00\x00\x00"), 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s.call("POST", "/"+s.stream+"/_rollover", "")
			clean()
			if ledger := s.once(); ledger.Read != 102 || ledger.Duplicate != 102 || s.count() != 102 {
				t.Errorf("%+v, %d documents", ledger, s.count())
			}
		})
	}
}

// A clock that was wrong when positions were saved, or is wrong now, takes no place
// away.
func TestClockJumpsKeepThePlace(t *testing.T) {
	s := newStand(t)
	s.write("a.json", recordLines(0, 50))
	s.once()
	for i, jump := range []time.Duration{-10 * 365 * 24 * time.Hour, 10 * 365 * 24 * time.Hour} {
		store, err := checkpoint.Open(s.config.StateDir)
		s.must(err)
		entries := store.Entries()
		for i := range entries {
			entries[i].Saved = time.Now().Add(jump)
		}
		s.must(errors.Join(store.Save(entries...), store.Close()))
		s.write("a.json", recordLines(50+i, 51+i))
		if ledger := s.once(); ledger.Read != 1 || ledger.Indexed != 1 {
			t.Errorf("after a jump by %v: %+v", jump, ledger)
		}
	}
}

func TestNothingIsReadTwiceAfterAnOrderlyStop(t *testing.T) {
	s := newStand(t)
	s.write("a.json", recordLines(0, 100))
	s.while(func(*Pipeline) { s.eventually(100) })
	s.write("a.json", recordLines(100, 150))
	ledger := s.while(func(*Pipeline) { s.eventually(150) })
	if ledger.Read != 50 {
		t.Errorf("%+v", ledger)
	}
}

func TestARecordWithoutATimeIsADeadLetterAndMasked(t *testing.T) {
	s := newStand(t)
	s.write("a.json", `{"id":"x","http_request":{"body":{"password":"hunter2hunter2"}}}`+"\n"+record(1)+"\n")
	ledger := s.once()
	letters := s.letters()
	if ledger.DeadLettered != 1 || ledger.Indexed != 1 || len(letters) != 1 || event.Reason(letters[0].Reason) != event.ReasonNoTime {
		t.Fatalf("%+v, %+v", ledger, letters)
	}
	if strings.Contains(letters[0].Record, "hunter2") || !strings.Contains(letters[0].Record, `"id":"x"`) {
		t.Errorf("the letter holds %s", letters[0].Record)
	}
	info, err := os.Stat(filepath.Join(s.config.DeadLetter.Path, "letters.ndjson"))
	s.must(err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestTheAgentWaitsWhileItIsRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		shut func(s *stand)
		open func(s *stand)
	}{
		"wrong password": {
			shut: func(s *stand) { s.client = s.clientAs("agent-nobody", "wrong") },
			open: func(*stand) {},
		},
		"write block": {
			shut: func(s *stand) {
				s.call("POST", "/"+s.stream+"/_doc", `{"@timestamp":"2026-01-01T00:00:00Z"}`)
				s.call("PUT", "/"+s.stream+"/_settings", `{"index.blocks.write":true}`)
			},
			open: func(s *stand) { s.call("PUT", "/"+s.stream+"/_settings", `{"index.blocks.write":false}`) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t)
			right := s.client
			tt.shut(s)
			s.write("a.json", recordLines(0, 10))
			s.config.ShutdownTimeout = 0
			p := s.open(Options{})
			ctx, cancel := contextWithCancel(t)
			ended := make(chan error, 1)
			go func() { ended <- p.Run(ctx) }()
			s.until("a condition", func() bool { return len(p.Conditions().List()) > 0 })
			if got := p.Conditions().List()[0]; got.Part != "elasticsearch" || got.Reason == "" {
				t.Errorf("it says %+v", got)
			}
			cancel()
			s.must(<-ended)
			s.must(p.Close())
			if n := p.Ledger().Totals()[0].InFlight; n != 10 {
				t.Errorf("%d records in flight at the end", n)
			}
			tt.open(s)
			s.client = right
			if ledger := s.once(); ledger.Indexed != 10 {
				t.Errorf("after it was let in: %+v", ledger)
			}
		})
	}
}

func TestTwoAgentsOnOneStateDirectory(t *testing.T) {
	s := newStand(t)
	p := s.open(Options{})
	if _, err := Open(s.config, Options{Client: s.client}); err == nil || !strings.Contains(err.Error(), checkpoint.ErrLocked.Error()) {
		t.Errorf("the second agent: %v", err)
	}
	s.must(p.Close())
}

func TestManyFilesAndInputsAtOnce(t *testing.T) {
	s := newStand(t)
	const files, each = 20, 200
	for i := range files {
		s.write(fmt.Sprintf("%02d.json", i), recordLines(i*each, (i+1)*each))
	}
	ledger := s.once()
	if ledger.Indexed != files*each || s.count() != files*each {
		t.Errorf("%+v, %d documents", ledger, s.count())
	}
}
