package esnode

import (
	"archive/zip"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strings"
)

// DefaultVersion is the version of Elasticsearch that Start runs when neither
// Options.Version nor the variable EnvVersion names one.
const DefaultVersion = "8.19.9"

// version is what Start runs for Options.Version.
func version(asked string) string { return cmp.Or(asked, os.Getenv(EnvVersion), DefaultVersion) }

// release is what is known about one version of the distribution.
type release struct {
	sha256 string // of the zip
	java   int    // oldest Java that runs it, and that the plugin is compiled for
}

// releases are the versions the plugin compiles against and whose zip was
// checked.
var releases = map[string]release{
	"8.19.9": {sha256: "6a0603db2b0406776dcf15df248294941f310e9183ca18a219bc8c6d57546ff0", java: 17},
	"9.2.0":  {sha256: "bf44938a0490ba2a303d39c9cb64b38963dd08c812ce93e10816e878585bcb6b", java: 21},
}

const mavenGroup = "org/elasticsearch/distribution/integ-test-zip"

// distribution returns the folder of an unpacked Elasticsearch of a pinned version
// with the plugin in place. It makes the folder when the cache has none, while other processes
// that want it too wait for the lock.
func distribution(ctx context.Context, version string, with java) (string, error) {
	cache, err := cacheDir()
	if err != nil {
		return "", err
	}
	sum, err := pluginHash(version)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "elasticsearch-"+version+"-"+sum)
	unlock, err := lockFile(ctx, dir+".lock")
	if err != nil {
		return "", fmt.Errorf("lock %s: %w", dir, err)
	}
	defer unlock()
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	archive, err := fetch(ctx, version)
	if err != nil {
		return "", err
	}
	if err := verify(archive, releases[version].sha256); err != nil {
		return "", err
	}
	return dir, install(ctx, archive, version, dir, with)
}

// install unpacks the archive beside dir, adds the plugin and renames the
// whole to dir, so that dir is never seen half made.
func install(ctx context.Context, archive, version, dir string, with java) error {
	making, err := os.MkdirTemp(filepath.Dir(dir), ".making-")
	if err != nil {
		return fmt.Errorf("install Elasticsearch: %w", err)
	}
	defer func() { _ = os.RemoveAll(making) }() // what is left of a failed attempt
	if err := unpack(archive, making); err != nil {
		return fmt.Errorf("unpack %s: %w", archive, err)
	}
	home := filepath.Join(making, "elasticsearch-"+version)
	if err := addPlugin(ctx, home, version, with); err != nil {
		return fmt.Errorf("build plugin for Elasticsearch %s: %w", version, err)
	}
	if err := os.Rename(home, dir); err != nil {
		return fmt.Errorf("install Elasticsearch: %w", err)
	}
	return nil
}

// fetch returns the path of the zip in the local Maven repository, where Maven
// puts it when it is not there yet.
func fetch(ctx context.Context, version string) (string, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("find the local Maven repository: %w", err)
	}
	repository := filepath.Join(home, ".m2", "repository")
	archive := filepath.Join(repository, filepath.FromSlash(mavenGroup),
		"elasticsearch", version, "elasticsearch-"+version+".zip")
	if _, err := os.Stat(archive); err == nil {
		return archive, nil
	}
	mvn, err := findTool("mvn")
	if err != nil {
		return "", err
	}
	group := strings.ReplaceAll(mavenGroup, "/", ".")
	cmd := exec.CommandContext(ctx, mvn, "-q", "dependency:get", "-Dtransitive=false", "-Dmaven.repo.local="+repository,
		"-Dartifact="+group+":elasticsearch:"+version+":zip")
	if _, err := output(ctx, cmd); err != nil {
		return "", fmt.Errorf("fetch Elasticsearch %s: %w", version, err)
	}
	if _, err := os.Stat(archive); err != nil {
		return "", fmt.Errorf("fetch Elasticsearch %s: Maven did not put it where it was expected: %w", version, err)
	}
	return archive, nil
}

// verify compares the SHA-256 of a file with the pinned one.
func verify(archive, want string) (err error) {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return fmt.Errorf("read %s: %w", archive, err)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != want {
		return fmt.Errorf("%s has SHA-256 %s, pinned is %s: remove the file to fetch it again", archive, got, want)
	}
	return nil
}

// unpack writes every file of a zip below dir, readable by everyone, with
// the executable bits the zip records. A path that leaves dir is refused.
func unpack(archive, dir string) (err error) {
	reader, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	for _, file := range reader.File {
		if err := unpackFile(root, file); err != nil {
			return fmt.Errorf("%s: %w", file.Name, err)
		}
	}
	return nil
}

func unpackFile(root *os.Root, file *zip.File) (err error) {
	name := path.Clean(file.Name)
	if !fs.ValidPath(name) {
		return fs.ErrInvalid
	}
	if file.FileInfo().IsDir() {
		return makeReadable(root, name)
	}
	if err := makeReadable(root, path.Dir(name)); err != nil {
		return err
	}
	from, err := file.Open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	to, err := root.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	if _, err := io.Copy(to, from); err != nil {
		return err
	}
	return to.Chmod(0o644 | file.Mode().Perm()&0o111)
}

// makeReadable makes a folder (a valid path) and its parents, open to everyone whatever the
// umask of this process.
func makeReadable(root *os.Root, name string) error {
	if name == "." {
		return nil
	}
	if err := makeReadable(root, path.Dir(name)); err != nil {
		return err
	}
	if err := root.Mkdir(name, 0o755); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		return err
	}
	return root.Chmod(name, 0o755)
}
