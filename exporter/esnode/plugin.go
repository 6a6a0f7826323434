package esnode

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
)

//go:embed plugin
var pluginFiles embed.FS

const (
	pluginName       = "auditship-test-support"
	pluginSource     = "plugin/TestSupportPlugin.java"
	pluginDescriptor = "plugin/plugin-descriptor.properties.tmpl"
)

// releaseSource is the part of the plugin that is not the same for all versions.
func releaseSource(version string) string {
	major, _, _ := strings.Cut(version, ".")
	return "plugin/" + major + "/Release.java"
}

// pluginHash identifies the sources of the plugin for a version: a change makes a
// new unpacked distribution.
func pluginHash(version string) (string, error) {
	hash := sha256.New()
	for _, name := range []string{pluginSource, releaseSource(version), pluginDescriptor} {
		content, err := pluginFiles.ReadFile(name)
		if err != nil {
			return "", err
		}
		_, _ = hash.Write(content) // a hash never fails
	}
	return hex.EncodeToString(hash.Sum(nil))[:12], nil
}

// addPlugin compiles the plugin against the distribution in home and puts it
// into its plugins folder.
func addPlugin(ctx context.Context, home, version string, with java) error {
	classes, err := compile(ctx, home, version, with)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(classes) }() // a temporary folder
	var jar bytes.Buffer
	if err := archiveFolder(&jar, os.DirFS(classes)); err != nil {
		return fmt.Errorf("make jar: %w", err)
	}
	descriptor, err := template.ParseFS(pluginFiles, pluginDescriptor)
	if err != nil {
		return err
	}
	var properties bytes.Buffer
	about := struct {
		Version string
		Java    int
	}{version, releases[version].java}
	if err := descriptor.Execute(&properties, about); err != nil {
		return err
	}
	dir := filepath.Join(home, "plugins", pluginName)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return errors.Join(
		os.Chmod(dir, 0o755), // whatever the umask
		writeReadable(filepath.Join(dir, pluginName+".jar"), jar.Bytes()),
		writeReadable(filepath.Join(dir, "plugin-descriptor.properties"), properties.Bytes()),
	)
}

// compile returns a temporary folder with the plugin's classes.
func compile(ctx context.Context, home, version string, with java) (string, error) {
	javac, err := with.compiler()
	if err != nil {
		return "", err
	}
	var jars []string
	for _, dir := range []string{"lib", "modules/x-pack-core"} {
		found, err := filepath.Glob(filepath.Join(home, filepath.FromSlash(dir), "*.jar"))
		if err != nil {
			return "", err
		}
		jars = append(jars, found...)
	}
	dir, err := os.MkdirTemp("", "auditship-plugin-")
	if err != nil {
		return "", err
	}
	args := []string{
		"-nowarn", "-proc:none", "--release", strconv.Itoa(releases[version].java),
		"-classpath", strings.Join(jars, string(os.PathListSeparator)), "-d", dir,
	}
	for _, name := range []string{pluginSource, releaseSource(version)} {
		source, readErr := pluginFiles.ReadFile(name)
		path := filepath.Join(dir, filepath.Base(name))
		err = errors.Join(err, readErr, os.WriteFile(path, source, 0o600))
		args = append(args, path)
	}
	if err == nil {
		_, err = output(ctx, exec.CommandContext(ctx, javac, args...))
	}
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return dir, nil
}

// archiveFolder writes the class files of a folder as a zip, which is all a
// jar has to be.
func archiveFolder(to *bytes.Buffer, folder fs.FS) error {
	archive := zip.NewWriter(to)
	err := fs.WalkDir(folder, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(name) != ".class" {
			return err
		}
		content, err := fs.ReadFile(folder, name)
		if err != nil {
			return err
		}
		file, err := archive.Create(name)
		if err != nil {
			return err
		}
		_, err = file.Write(content)
		return err
	})
	return errors.Join(err, archive.Close())
}

// writeReadable writes a file that everyone may read, whatever the umask.
func writeReadable(name string, content []byte) error {
	if err := os.WriteFile(name, content, 0o644); err != nil {
		return err
	}
	return os.Chmod(name, 0o644)
}
