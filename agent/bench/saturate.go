package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/esnode"
	"github.com/auditship/auditship/exporter/peer"
	"github.com/auditship/auditship/mappings"
)

// saturate runs the agent into a real Elasticsearch, and compares what both cost.
func saturate(ctx context.Context, o options) error {
	node, err := esnode.Attach(os.Getenv(esnode.EnvURL), os.Getenv(esnode.EnvUsername), os.Getenv(esnode.EnvPassword), os.Getenv(esnode.EnvCAFile))
	if err != nil {
		return fmt.Errorf("%w; run it as: bin/auditship-demo elasticsearch -- go run ./agent/bench elasticsearch", err)
	}
	client, err := exporter.New(exporter.Config{
		Addresses: []string{node.URL}, CAFile: node.CAFile, Username: node.Username,
		Password: func() (string, error) { return node.Password, nil },
	})
	if err != nil {
		return err
	}
	if err := mappings.Apply(ctx, client, mappings.Options{}); err != nil {
		return err
	}
	const password = "bench bench bench"
	if err := node.CreateUser(ctx, "bench", password, mappings.AgentRole); err != nil {
		return err
	}
	path, err := eventFile(o.work, 0, o.events, 0)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "auditship-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	configuration := fmt.Sprintf("inputs:\n  - {type: file, id: files, paths: [%q]}\nelasticsearch: {urls: [%q], ca_file: %q, username: bench, password: %q, namespace: bench}\nstate_dir: %q\nhttp: \"off\"\n",
		path, node.URL, node.CAFile, password, filepath.Join(dir, "state"))
	file := filepath.Join(dir, "auditship.yml")
	if err := os.WriteFile(file, []byte(configuration), 0o600); err != nil {
		return err
	}
	text, err := watch(ctx, client, exec.CommandContext(ctx, o.agent, "run", "-c", file), o.events)
	if err != nil {
		return err
	}
	return o.write("elasticsearch.md", fmt.Sprintf("# auditship and a real Elasticsearch\n\n%s Two workers, requests compressed, TLS, the agent's own role, one shard.\n\n%s", machine(o), text))
}

// watch runs the agent until Elasticsearch counts all events.
func watch(ctx context.Context, client *exporter.Client, cmd *exec.Cmd, n int) (string, error) {
	before, err := nodeCPU(ctx, client)
	if err != nil {
		return "", err
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return "", err
	}
	count := int64(0)
	for count < int64(n) && ctx.Err() == nil {
		time.Sleep(time.Second)
		var answer struct {
			All struct {
				Primaries struct {
					Indexing struct {
						Total int64 `json:"index_total"`
					} `json:"indexing"`
				} `json:"primaries"`
			} `json:"_all"`
		}
		err := client.JSON(ctx, "GET", "/logs-api7.audit-bench/_stats/indexing?ignore_unavailable=true", nil, &answer)
		if err != nil && errors.Is(err, peer.ErrUnreachable) {
			return "", errors.Join(err, cmd.Process.Kill(), cmd.Wait())
		}
		count = answer.All.Primaries.Indexing.Total
	}
	took := time.Since(began)
	var m measurement
	m.look(cmd.Process.Pid, count)
	after, err := nodeCPU(ctx, client)
	err = errors.Join(err, cmd.Process.Signal(syscall.SIGTERM), cmd.Wait())
	agent, node := m.curve[0].cpu, after-before
	var b strings.Builder
	fmt.Fprintf(&b, "| | |\n|---|--:|\n| documents | %s |\n| per second | %s |\n| CPU of the node | %.1f s, %.0f %% of its processors |\n| CPU of the agent | %.1f s |\n| the agent's of the node's | %.1f %% |\n| peak memory of the agent | %d MiB |\n",
		thousands(float64(count)), thousands(perSecond(count, took)), node.Seconds(), 100*node.Seconds()/took.Seconds()/float64(runtime.NumCPU()), agent.Seconds(),
		100*agent.Seconds()/node.Seconds(), m.curve[0].memory>>20)
	return b.String(), err
}

// nodeCPU is the CPU time that the node has used.
func nodeCPU(ctx context.Context, client *exporter.Client) (time.Duration, error) {
	body, err := client.Do(ctx, exporter.Request{Method: "GET", Path: "/_nodes/stats/process?filter_path=nodes.*.process.cpu.total_in_millis"})
	if err != nil {
		return 0, err
	}
	var answer struct {
		Nodes map[string]struct {
			Process struct {
				CPU struct {
					Total int64 `json:"total_in_millis"`
				} `json:"cpu"`
			} `json:"process"`
		} `json:"nodes"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return 0, err
	}
	total := time.Duration(0)
	for _, n := range answer.Nodes {
		total += time.Duration(n.Process.CPU.Total) * time.Millisecond
	}
	return total, nil
}
