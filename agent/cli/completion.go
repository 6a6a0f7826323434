package cli

import (
	"github.com/spf13/cobra"
)

func newCompletionCommand(p *program) *cobra.Command {
	return &cobra.Command{
		Use:   "completion {bash|zsh|fish|powershell}",
		Short: "Print the completion script of a shell",
		Long: `Completion prints a script that teaches your shell the commands and flags of
auditship, so that the Tab key completes them. Load it once to try it, or put it
where your shell finds such scripts.`,
		Example: `  source <(auditship completion bash)
  auditship completion zsh > "${fpath[1]}/_auditship"`,
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			switch args[0] {
			case "bash":
				return root.GenBashCompletionV2(p.stdout, true)
			case "zsh":
				return root.GenZshCompletion(p.stdout)
			case "fish":
				return root.GenFishCompletion(p.stdout, true)
			}
			return root.GenPowerShellCompletionWithDesc(p.stdout)
		},
	}
}
