package deadletter

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
)

// One file, and one input, can fill their shares and no more: others find room.
func TestSharesOfInputsAndFiles(t *testing.T) {
	now := time.Now()
	dir := t.TempDir()
	open := func() *Box {
		t.Helper()
		b, err := Open(dir, Options{MaxBytes: 40 << 10, Inputs: 2, Now: func() time.Time { return now }})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = b.Close() }) // only read in the end
		return b
	}
	b := open()
	fill := func(input, path string) (full *FullShareError) {
		t.Helper()
		for range 200 {
			err := b.Room(input, path)
			if errors.As(err, &full) {
				return full
			}
			if err == nil {
				err = b.Append(t.Context(), Letter{Reason: "broken_json", Input: input, Path: path, Record: strings.Repeat("x", 900)})
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		t.Fatal("it was never full")
		return nil
	}
	if full := fill("a", "/1"); full.Path != "/1" || full.Share != 10<<10 || !strings.Contains(full.Error(), "file /1") {
		t.Errorf("the first to be full: %v", full)
	}
	b = open() // another process counts what is there
	if err := b.Room("a", "/1"); err == nil {
		t.Error("the file has room again")
	}
	if full := fill("a", "/2"); full.Path != "/2" && full.Path != "" {
		t.Errorf("then: %v", full)
	}
	if full := fill("a", "/3"); full.Path != "" || !strings.Contains(full.Error(), "input a") {
		t.Errorf("then: %v", full)
	}
	if err := b.Room("b", "/1"); err != nil {
		t.Errorf("the other input: %v", err)
	}
	_ = fill("b", "/1") // it says that it is full
	if size, err := b.Size(); err != nil || size > 40<<10 {
		t.Errorf("%d bytes, %v", size, err)
	}
}

func TestJoin(t *testing.T) {
	broken := func(offset int64, text string) Letter {
		return Letter{Reason: "broken_json", Input: "in", Path: "/a", Offset: offset, Length: int64(len(text)), Record: text}
	}
	large := strings.Repeat("x", maxJoined-10)
	other := broken(20, "b")
	other.Reason = "no_time"
	finished := broken(20, "b")
	finished.ID, finished.Document = "x", []byte("{}")
	hashed := broken(20, "")
	hashed.Hash = "ab"
	pipe := broken(0, "a")
	pipe.Path = ""
	for name, tt := range map[string]struct {
		in   []Letter
		want string // offset-last*count:text of each
	}{
		"one":            {[]Letter{broken(0, "a")}, "0-0*0:a"},
		"three":          {[]Letter{broken(0, "a"), broken(10, "b"), broken(20, "c")}, "0-20*3:a\nb\nc"},
		"equal ones":     {[]Letter{broken(0, "{}"), broken(3, "{}"), broken(6, "{}")}, "0-6*3:{}"},
		"other reasons":  {[]Letter{broken(0, "a"), other, broken(30, "c")}, "0-0*0:a 20-0*0:b 30-0*0:c"},
		"finished ones":  {[]Letter{broken(0, "a"), finished}, "0-0*0:a 20-0*0:b"},
		"to be reread":   {[]Letter{broken(0, "a"), hashed}, "0-0*0:a 20-0*0:"},
		"of no file":     {[]Letter{pipe, broken(20, "b")}, "0-0*0:a 20-0*0:b"},
		"from its start": {[]Letter{broken(9, "a"), broken(0, "b")}, "9-0*0:a 0-0*0:b"},
		"long ones":      {[]Letter{broken(0, large), broken(70_000, "0123456789"), broken(70_020, "b")}, "0-0*0:" + large + " 70000-70020*2:0123456789\nb"},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, l := range Join(tt.in) {
				got = append(got, fmt.Sprintf("%d-%d*%d:%s", l.Offset, l.Last, l.Count, l.Record))
			}
			if strings.Join(got, " ") != tt.want {
				t.Errorf("got %.200q, want %.200q", got, tt.want)
			}
		})
	}
}
