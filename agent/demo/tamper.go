package demo

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
)

// tamper changes the trail behind the agent's back, and lets reconcile find it out
// while the agent runs.
func (d *demo) tamper(ctx context.Context) error {
	d.say("Somebody with rights deletes one document in Elasticsearch and puts another name into one")
	var found struct {
		Hits struct {
			Hits []struct {
				Index  string                               `json:"_index"`
				ID     string                               `json:"_id"`
				Source struct{ User struct{ Name string } } `json:"_source"`
			}
		}
	}
	query := map[string]any{
		"size": 2, "sort": []string{"@timestamp"},
		"query": map[string]any{"bool": map[string]any{"filter": []any{
			map[string]any{"range": map[string]any{"@timestamp": map[string]any{"gte": "now-7d"}}},
			map[string]any{"exists": map[string]any{"field": "user.name"}},
		}}},
	}
	if err := call(ctx, d.node, "POST", "/"+stream+"/_search", query, &found); err != nil {
		return err
	}
	hits := found.Hits.Hits
	if len(hits) != 2 {
		return fmt.Errorf("%d documents to tamper with", len(hits))
	}
	rename := func(name string) error {
		doc := map[string]any{"doc": map[string]any{"user": map[string]any{"name": name}}}
		return call(ctx, d.node, "POST", "/"+hits[1].Index+"/_update/"+hits[1].ID+"?refresh=true", doc, nil)
	}
	err := call(ctx, d.node, "DELETE", "/"+hits[0].Index+"/_doc/"+hits[0].ID+"?refresh=true", nil, nil)
	if err = errors.Join(err, rename("somebody-else")); err != nil {
		return err
	}
	args := []string{"reconcile", "--last", fmt.Sprintf("%dd", days+1)}
	d.print("auditship %s", quoted(append(args, "--repair")))
	err = d.program.call(ctx, d.Out, nil, append(args, "--repair")...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 {
		return fmt.Errorf("reconcile was to end with exit code 1: %w", err)
	}
	d.print("")
	d.print("The altered document is put right; auditship %s", quoted(args))
	if err := rename(hits[1].Source.User.Name); err != nil {
		return err
	}
	return d.program.call(ctx, d.Out, nil, args...)
}
