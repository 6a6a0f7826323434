// Command certificates prints the certificate authorities of the container image as
// PEM: Mozilla's list in the version that go.sum pins, so that the image is the same
// wherever it is built. It leaves out authorities that are trusted under conditions
// only, which PEM cannot express.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/pem"
	"fmt"
	"os"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue
		}
		_, _ = fmt.Fprintf(out, "# %x\n", sha256.Sum256(root.Certificate)) // Flush tells
		_ = pem.Encode(out, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate})
	}
	if err := out.Flush(); err != nil {
		fmt.Fprintln(os.Stderr, "certificates:", err)
		os.Exit(1)
	}
}
