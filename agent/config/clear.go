package config

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
)

// SendsInClear reports whether an address is one of plain HTTP to another host: whoever
// stands in between reads the credentials and the records.
func SendsInClear(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" {
		return false
	}
	host := strings.TrimSuffix(u.Hostname(), ".")
	ip := net.ParseIP(host)
	return host != "localhost" && !strings.HasSuffix(host, ".localhost") && (ip == nil || !ip.IsLoopback())
}

// checkClear refuses to send credentials in the clear, unless that is wanted.
func (d *decoder) checkClear(at, key, address string, signsIn, allowed bool) {
	if signsIn && !allowed && SendsInClear(address) {
		d.FailAt(d.At(key), key, "would send the credentials over the network in the clear; use https://, or set insecure_http: true there", "")
	}
	if allowed && SendsInClear(address) {
		d.warn("%s.insecure_http: credentials and records go over the network in the clear", at)
	}
}

func (d *decoder) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	for _, before := range d.warnings {
		if before == text {
			return
		}
	}
	d.warnings = append(d.warnings, text)
}

// Warnings are what is allowed and not wise, a sentence each: credentials that go over
// the network in the clear, or stand in a file that every user of this host can read.
func (c *Config) Warnings() []string { return c.warnings }

// warnOfReaders adds a warning if the configuration holds secrets, and others may read it.
func (c *Config) warnOfReaders(path string) {
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o004 == 0 || len(c.literals) == 0 {
		return
	}
	c.warnings = append(c.warnings, fmt.Sprintf(
		"%s holds %s, and every user of this host can read it: chmod o-r %[1]s, or write ${file:PATH} there", path, strings.Join(c.literals, ", ")))
}
