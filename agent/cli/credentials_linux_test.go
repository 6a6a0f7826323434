package cli

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// openTerminal makes a terminal: what is written to its keyboard is read from
// its screen side, as if typed.
func openTerminal(t *testing.T) (keyboard, terminal *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	fd := int(keyboard.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = terminal.Close() // nothing was written that could be lost
		_ = keyboard.Close()
	})
	return keyboard, terminal
}

func TestPasswordPrompt(t *testing.T) {
	tests := map[string]struct {
		typed, want string
		ok          bool
	}{
		"a password": {"c4nary-s3cret\n", "c4nary-s3cret", true},
		"nothing":    {"\n", "", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for _, name := range passwordVariables {
				t.Setenv(name, "")
			}
			keyboard, terminal := openTerminal(t)
			if _, err := keyboard.WriteString(tt.typed); err != nil {
				t.Fatal(err)
			}
			var stderr bytes.Buffer
			s := &setup{program: &program{stdin: terminal, stderr: &stderr}, username: "elastic"}
			got, err := s.password(t.Context())
			if got != tt.want || (err == nil) != tt.ok {
				t.Errorf("got %q, %v", got, err)
			}
			if stderr.String() != "Password of elastic: \n" {
				t.Errorf("on the screen: %q", stderr.String())
			}
		})
	}
}
