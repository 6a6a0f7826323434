package find

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A link in the folder that a glob begins at is followed if root or the agent put it
// there. One of another user would lead the agent to files outside of the glob.
func TestLinksOnTheWayToTheGlob(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("LEFT OUT: only root can make links of another user")
	}
	dir := tree(t, "secret/shadow.log", "secret/deep/more.log")
	const nobody = 65534
	for name, target := range map[string]string{
		"absolute": filepath.Join(dir, "secret"), "relative": "secret", "upward": "secret/../secret", "itself": filepath.Join(dir, "secret") + "/.",
	} {
		t.Run(name, func(t *testing.T) {
			way := filepath.Join(dir, "to-"+name)
			link(t, target, way)
			f := New(Config{Paths: []string{way + "/*.log", way + "/deep/*.log"}})
			if got := found(t, f, way); got != "deep/more.log shadow.log" {
				t.Errorf("by root's link: %q", got)
			}
			if err := os.Lchown(way, nobody, nobody); err != nil {
				t.Fatal(err)
			}
			all := look(t, f)
			if len(all.Files) != 0 || len(all.Failed) != 2 {
				t.Errorf("by another's link: %+v", all)
			}
			var refused *Refused
			if _, _, err := f.Open(filepath.Join(way, "shadow.log")); !errors.As(err, &refused) {
				t.Errorf("opened: %v", err)
			}
		})
	}
	loop := filepath.Join(dir, "loop")
	link(t, "loop", loop)
	if all := look(t, New(Config{Paths: []string{loop + "/*.log"}})); len(all.Files) != 0 || len(all.Failed) != 1 {
		t.Errorf("a loop: %+v", all)
	}
}
