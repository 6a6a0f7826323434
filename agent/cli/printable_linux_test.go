package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/sys/unix"

	"github.com/auditship/auditship/agent/checkpoint"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/exporter/deadletter"
)

// hostile would clear the screen, set the title, turn the order of letters, and write a
// line of its own.
const hostile = "x\x1b[2J\x1b]0;owned\a\u202egpj\u009b31m\nauditship: all is well\n"

// steers returns what in a text steers a terminal, line breaks aside.
func steers(text string) string {
	var found []string
	for _, r := range text {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			found = append(found, fmt.Sprintf("%U", r))
		}
	}
	return strings.Join(found, " ")
}

// No text of others steers the terminal on which it is shown, or stands on a line that
// looks like one of ours.
func TestForeignTextDoesNotSteer(t *testing.T) {
	dir := t.TempDir()
	es := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"error":{"type":"x","index":%q,"reason":"r"},"status":400}`, "\u001b[2J\u202ename\nauditship: all is well") // a client that is gone sees it
	}))
	defer es.Close()
	state := filepath.Join(dir, "state")
	store, err := checkpoint.Open(state)
	if err != nil {
		t.Fatal(err)
	}
	quoted, err := json.Marshal(hostile)
	if err != nil {
		t.Fatal(err)
	}
	err = store.Save(checkpoint.Entry{Stream: event.Stream{Input: "files", Name: hostile}, Position: fmt.Appendf(nil, `{"path":%s,"offset":1}`, quoted)})
	if err := errors.Join(err, store.Close()); err != nil {
		t.Fatal(err)
	}
	box, err := deadletter.Open(filepath.Join(state, "dead-letter"), deadletter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = box.Append(t.Context(), deadletter.Letter{Reason: "refused", Error: &deadletter.Error{Status: 400, Type: hostile, Field: hostile}})
	if err := errors.Join(err, box.Close()); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "logs")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", filepath.Join(folder, "l"+hostile+".json")); err != nil {
		t.Fatal(err)
	}
	cfg := writeConfig(t, fmt.Sprintf(`
inputs: [{type: file, id: files, paths: [%q]}]
elasticsearch: {urls: %q, username: u, password: c4nary}
state_dir: %q
`, folder+"/*.json", es.URL, state))
	missing := filepath.Join(dir, "missing"+hostile)
	records := fmt.Sprintf(`{"id":"1","event_time":1772366400,%s:{"password":"hunter2"}}`, quoted)
	for name, args := range map[string][]string{
		"state":           {"state", "-c", cfg},
		"dead letters":    {"replay", "-c", cfg},
		"check":           {"check", "--online", "-c", cfg},
		"a missing file":  {"import", missing, "-c", cfg},
		"a missing rules": {"mask", "--rules", missing},
		"an index":        {"setup", "--plan", "-c", cfg},
		"an argument":     {hostile},
		"explain":         {"mask", "--explain"},
	} {
		t.Run(name, func(t *testing.T) {
			var out, err bytes.Buffer
			Main(args, strings.NewReader(records), &out, &err)
			text := out.String() + err.String()
			if name == "explain" { // the record itself keeps its bytes in a pipe
				_, text, _ = strings.Cut(text, "\n")
			}
			if got := steers(text); got != "" {
				t.Errorf("%s in:\n%q", got, text)
			}
			for line := range strings.Lines(text) {
				if strings.HasPrefix(line, "auditship: all is well") {
					t.Errorf("a line of its own in:\n%q", text)
				}
			}
			if len(text) == 0 {
				t.Error("nothing was shown")
			}
		})
	}
}

// terminal is a new pseudo terminal and what was written to it.
func terminal(t *testing.T) (tty *os.File, shown func() string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan string)
	go func() {
		text, _ := io.ReadAll(master) // ends with EIO when the other end is closed
		read <- string(text)
	}()
	return tty, func() string {
		_ = tty.Close() // what was written is read
		text := <-read
		_ = master.Close() // nothing is left in it
		return strings.ReplaceAll(text, "\r\n", "\n")
	}
}

// What is masked keeps its bytes in a pipe, and steers no terminal.
func TestMaskedRecordsDoNotSteerATerminal(t *testing.T) {
	t.Setenv("NO_COLOR", "1")
	record := "{\"id\":\"1\",\"event_time\":1772366400,\"error_message\":\"txt\u202egpj \u009b31m\"}\n"
	tty, shown := terminal(t)
	var stderr bytes.Buffer
	if code := Main([]string{"mask"}, strings.NewReader(record), tty, &stderr); code != exitDone {
		t.Errorf("exit code %d: %s", code, stderr.String())
	}
	if text := shown(); steers(text) != "" || !strings.Contains(text, "gpj") {
		t.Errorf("on a terminal: %q", text)
	}
	if got := runWith(record, "mask"); !strings.Contains(got.stdout, "\u202e") {
		t.Errorf("in a pipe: %q", got.stdout)
	}
}
