package esnode

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// toolPackages names, for each program this package runs, the command that
// installs it.
var toolPackages = map[string]string{
	"java":  "apt-get install openjdk-17-jdk-headless",
	"javac": "apt-get install openjdk-17-jdk-headless",
	"mvn":   "apt-get install maven",
}

// findTool returns the path of a program, or an error that says how to get it.
func findTool(name string) (string, error) {
	path, err := exec.LookPath(name)
	if err != nil {
		return "", fmt.Errorf("a test node of Elasticsearch needs %s: %w (%s)", name, err, toolPackages[name])
	}
	return path, nil
}

// java is a Java runtime: its folder and its feature release.
type java struct {
	home    string
	release int
}

// findJava asks the java in PATH who it is. If that is too old it looks in
// JAVA_HOME and where Linux distributions put others.
func findJava(ctx context.Context, atLeast int) (java, error) {
	path, err := findTool("java")
	if err != nil {
		return java{}, err
	}
	first, err := askJava(ctx, path)
	if err != nil || first.release >= atLeast {
		return first, err
	}
	others, _ := filepath.Glob("/usr/lib/jvm/*/bin/java") // the pattern is good
	for _, path := range append([]string{filepath.Join(os.Getenv("JAVA_HOME"), "bin", "java")}, others...) {
		if found, err := askJava(ctx, path); err == nil && found.release >= atLeast {
			return found, nil
		}
	}
	return java{}, fmt.Errorf("%s is Java %d, this Elasticsearch needs %d (apt-get install openjdk-%d-jdk-headless)",
		path, first.release, atLeast, atLeast)
}

func askJava(ctx context.Context, path string) (java, error) {
	out, err := output(ctx, exec.CommandContext(ctx, path, "-XshowSettings:properties", "-version"))
	if err != nil {
		return java{}, err
	}
	found := java{home: javaProperty(out, "java.home")}
	version := javaProperty(out, "java.specification.version")
	if found.release, err = strconv.Atoi(version); err != nil || found.home == "" {
		return java{}, fmt.Errorf("%s is not Java 17 or newer (java.specification.version %q; %s)", path, version, toolPackages["java"])
	}
	return found, nil
}

// compiler is the javac of this Java, or the one in PATH where it has none.
func (j java) compiler() (string, error) {
	own := filepath.Join(j.home, "bin", "javac")
	if _, err := os.Stat(own); err == nil {
		return own, nil
	}
	return findTool("javac")
}

// javaProperty picks one "name = value" line of -XshowSettings:properties.
func javaProperty(out []byte, name string) string {
	for line := range strings.Lines(string(out)) {
		if key, value, ok := strings.Cut(line, "="); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// output runs a tool and returns what it wrote to both of its outputs, which
// are also the text of its error.
func output(ctx context.Context, cmd *exec.Cmd) ([]byte, error) {
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return nil, fmt.Errorf("run %s: %w", cmd.Path, context.Cause(ctx))
	}
	if err != nil {
		return nil, fmt.Errorf("run %s: %w: %s", cmd.Path, err, bytes.TrimSpace(out))
	}
	return out, nil
}
