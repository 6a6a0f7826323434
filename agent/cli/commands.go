package cli

import "github.com/spf13/cobra"

// Commands is the tree of all commands, for the generator of man pages and shell
// completions. To run one is Main's.
func Commands() *cobra.Command { return newRootCommand(&program{}) }
