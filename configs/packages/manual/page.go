package main

import (
	"bytes"
	_ "embed"
	"slices"
	"strings"
	"text/template"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

//go:embed page.1.tmpl
var pageTemplate string

// pages are the commands that have a page: all that a user sees.
func pages(root *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{root}
	for _, cmd := range root.Commands() {
		if cmd.IsAvailableCommand() {
			all = append(all, pages(cmd)...)
		}
	}
	return all
}

// pageName is auditship-mask-test for the command auditship mask test.
func pageName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// render makes the page of one command, in the roff of man(7).
func render(cmd *cobra.Command, version, date string) ([]byte, error) {
	t, err := template.New("page").Funcs(template.FuncMap{
		"roff": roff, "prose": prose, "upper": strings.ToUpper,
		"pageName": pageName, "signature": signature, "explain": explain,
	}).Parse(pageTemplate)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, map[string]any{
		"Command": cmd, "Version": version, "Date": date,
		"Synopsis": strings.TrimSuffix(cmd.UseLine(), " [flags]"),
		"Options":  options(cmd), "Children": pages(cmd)[1:], "Related": related(cmd),
	})
	return b.Bytes(), err
}

// related are the commands above, and for a command of the first level its own.
func related(cmd *cobra.Command) []*cobra.Command {
	var all []*cobra.Command
	for parent := cmd.Parent(); parent != nil; parent = parent.Parent() {
		all = append(all, parent)
	}
	slices.Reverse(all)
	return append(all, pages(cmd)[1:]...)
}

// options are a command's own flags, then those that every command has.
func options(cmd *cobra.Command) []*pflag.Flag {
	var all []*pflag.Flag
	for _, set := range []*pflag.FlagSet{cmd.NonInheritedFlags(), cmd.InheritedFlags()} {
		set.VisitAll(func(f *pflag.Flag) {
			if !f.Hidden && f.Name != "help" {
				all = append(all, f)
			}
		})
	}
	return all
}

// signature shows how a flag is written: -c, --config file.
func signature(f *pflag.Flag) string {
	text := `\fB\-\-` + roff(f.Name) + `\fR`
	if f.Shorthand != "" {
		text = `\fB\-` + f.Shorthand + `\fR, ` + text
	}
	if value, _ := pflag.UnquoteUsage(f); value != "" {
		text += ` \fI` + roff(value) + `\fR`
	}
	return text
}

// explain is a flag's help, with its default where it has one.
func explain(f *pflag.Flag) string {
	_, text := pflag.UnquoteUsage(f)
	if !slices.Contains([]string{"", "false", "0", "0s", "[]"}, f.DefValue) && !strings.Contains(text, "default") {
		text += " (default " + f.DefValue + ")"
	}
	return prose(text)
}

// prose sets paragraphs; indented lines stay as they are.
func prose(text string) string {
	var b strings.Builder
	for i, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		if strings.HasPrefix(paragraph, "  ") {
			b.WriteString(".nf\n" + roff(paragraph) + "\n.fi\n")
		} else {
			b.WriteString(roff(paragraph) + "\n")
		}
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// roff escapes what roff would read as its own: backslashes, hyphens that are minus
// signs, and a dot or quote at the beginning of a line.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, `-`, `\-`, `'`, `\(aq`, "`", `\(ga`, `^`, `\(ha`, `~`, `\(ti`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
