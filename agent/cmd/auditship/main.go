// Command auditship ships API7 Enterprise audit records to Elasticsearch. All
// of it stands in package cli.
package main

import (
	"os"

	"github.com/auditship/auditship/agent/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
