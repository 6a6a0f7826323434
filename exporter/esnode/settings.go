package esnode

import (
	"bytes"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/template"
)

//go:embed config
var configFiles embed.FS

const adminName = "auditship_test_admin"

// settings are what the configuration of a node depends on.
type settings struct {
	Dir      string // holds data, logs, config and tmp
	HTTPPort int    // 0 for any
	TLS      bool
}

// makeFolders makes the folders of a node below dir.
func makeFolders(dir string) error {
	for _, name := range []string{"data", "logs", "config", "tmp"} {
		if err := os.MkdirAll(filepath.Join(dir, name), 0o700); err != nil {
			return fmt.Errorf("make folder for Elasticsearch: %w", err)
		}
	}
	return nil
}

// writeSettings writes elasticsearch.yml; it is written again for a restart,
// which keeps the port.
func writeSettings(s settings) error {
	parsed, err := template.ParseFS(configFiles, "config/elasticsearch.yml.tmpl")
	if err != nil {
		return err
	}
	var yml bytes.Buffer
	if err := parsed.Execute(&yml, s); err != nil {
		return fmt.Errorf("write elasticsearch.yml: %w", err)
	}
	return writeConfig(s.Dir, map[string][]byte{"elasticsearch.yml": yml.Bytes()})
}

// writeIdentity writes what stays for the life of the node: certificates, the
// superuser of the file realm, options of the JVM and its log.
func writeIdentity(dir, password string, tls certificates) error {
	hash, err := passwordHash(password)
	if err != nil {
		return err
	}
	files := map[string][]byte{
		"ca.crt":      tls.ca,
		"http.crt":    tls.cert,
		"http.key":    tls.key,
		"users":       []byte(adminName + ":" + hash + "\n"),
		"users_roles": []byte("superuser:" + adminName + "\n"),
		"roles.yml":   nil,
	}
	for _, name := range []string{"jvm.options", "log4j2.properties"} {
		if files[name], err = configFiles.ReadFile("config/" + name); err != nil {
			return err
		}
	}
	return writeConfig(dir, files)
}

func writeConfig(dir string, files map[string][]byte) error {
	var errs []error
	for name, content := range files {
		errs = append(errs, os.WriteFile(filepath.Join(dir, "config", name), content, 0o600))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("configure Elasticsearch: %w", err)
	}
	return nil
}

// passwordHash hashes in the form the file realm reads:
// {PBKDF2}iterations$salt$key, HMAC-SHA512, 32 bytes each, base64.
func passwordHash(password string) (string, error) {
	const iterations = 1000
	salt := make([]byte, 32)
	_, _ = rand.Read(salt) // never fails
	key, err := pbkdf2.Key(sha512.New, password, salt, iterations, 32)
	if err != nil {
		return "", fmt.Errorf("hash password: %w", err)
	}
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("{PBKDF2}%d$%s$%s", iterations, encode(salt), encode(key)), nil
}
