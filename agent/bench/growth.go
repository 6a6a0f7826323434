package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// growth measures how the agent's cost grows, with gzip, as it runs by default.
func growth(ctx context.Context, o options) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# How cost grows\n\nMade by `make bench`. %s auditship alone, requests compressed; one run each.\n", machine(o))
	for _, part := range []func(context.Context, options, *strings.Builder) error{files, sizes, rules, backfill} {
		if err := part(ctx, o, &b); err != nil {
			return err
		}
	}
	return o.write("growth.md", b.String())
}

const growthHead = "| | events per CPU-second | MB per CPU-second | peak memory |\n|---|--:|--:|--:|\n"

// row measures one load and writes its line. Every event must arrive once, masked.
func row(ctx context.Context, b *strings.Builder, label string, l load) (measurement, error) {
	l.gzip = true
	m, err := measure(ctx, shippers[0], l)
	if err != nil {
		return m, fmt.Errorf("%s: %w", label, err)
	}
	if c := m.counts; m.lost+c.Doubled+c.Unknown+c.Leaked > 0 {
		return m, fmt.Errorf("%s: %d lost, %+v", label, m.lost, c)
	}
	size, err := sizeOf(l.data)
	if err != nil {
		return m, err
	}
	fmt.Fprintf(b, "| %s | %s | %s | %d MiB |\n", label, thousands(perSecond(m.arrived(), m.cpu)), thousands(perSecond(size, m.cpu)/1e6), m.peak>>20)
	progress("%-28s %9.0f events/CPU-s  %4d MiB", label, perSecond(m.arrived(), m.cpu), m.peak>>20)
	return m, nil
}

// sizeOf adds up the sizes of the files that a glob matches.
func sizeOf(glob string) (int64, error) {
	paths, err := filepath.Glob(glob)
	if err != nil {
		return 0, err
	}
	total := int64(0)
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			return 0, err
		}
		total += info.Size()
	}
	return total, nil
}

// files spreads the same events over more files.
func files(ctx context.Context, o options, b *strings.Builder) error {
	fmt.Fprintf(b, "\n## Files\n\n%s events in so many files.\n\n%s", thousands(float64(o.events)), growthHead)
	for _, n := range []int{1, 10, 100} {
		dir := filepath.Join(o.work, fmt.Sprintf("files-%d-%d", o.events, n))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		for i := range n {
			if _, err := eventFile(dir, i*o.events/n, o.events/n, 0); err != nil {
				return err
			}
		}
		_, err := row(ctx, b, fmt.Sprint(n), load{data: filepath.Join(dir, "*.ndjson"), events: o.events / n * n})
		if err = errors.Join(err, os.RemoveAll(dir)); err != nil {
			return err
		}
	}
	return nil
}

// sizes makes events longer, about 400 MB of each.
func sizes(ctx context.Context, o options, b *strings.Builder) error {
	fmt.Fprintf(b, "\n## Size of a record\n\nAbout %d MB of records so long. Longer ones have more upstream nodes in their body.\n\n%s", o.events*400/1_000_000, growthHead)
	for _, kib := range []float64{0.5, 1, 4, 16, 64} {
		bytes := int(kib * 1024)
		count := o.events * 400 / bytes
		path, err := eventFile(o.work, 0, count, bytes)
		if err != nil {
			return err
		}
		_, err = row(ctx, b, fmt.Sprintf("%g KiB", kib), load{data: path, events: count})
		if err = errors.Join(err, os.Remove(path)); err != nil {
			return err
		}
	}
	return nil
}

// rules adds rules of a user's own to the built-in ones.
func rules(ctx context.Context, o options, b *strings.Builder) error {
	fmt.Fprintf(b, "\n## Rules\n\n%s events; all built-in rules, e-mail addresses, and so many rules more: in turns one by\npath, by a key's name, and by a regular expression.\n\n%s", thousands(float64(o.events)), growthHead)
	path, err := eventFile(o.work, 0, o.events, 0)
	if err != nil {
		return err
	}
	for _, n := range []int{0, 1, 10, 100} {
		text := "masking:\n  rules:\n    - {id: email, select: {detect: email}, action: redact}\n"
		for i := range n {
			selects := []string{
				fmt.Sprintf(`path: "http_request.body.**.credential_%d"`, i),
				fmt.Sprintf(`key: "customer?number?%d"`, i),
				fmt.Sprintf(`match: 'KD-%d-[0-9]{6}'`, i),
			}
			text += fmt.Sprintf("    - {id: own-%d, select: {%s}, action: redact}\n", i, selects[i%len(selects)])
		}
		if _, err := row(ctx, b, fmt.Sprint(n), load{data: path, events: o.events, rules: text}); err != nil {
			return err
		}
	}
	return nil
}

// backfill reads ten times as many events, and notes the cost of each tenth.
func backfill(ctx context.Context, o options, b *strings.Builder) error {
	fmt.Fprintf(b, "\n## A back-fill of %s events\n\n%s", thousands(float64(10*o.events)), growthHead)
	path, err := eventFile(o.work, 0, 10*o.events, 0)
	if err != nil {
		return err
	}
	m, err := row(ctx, b, "all", load{data: path, events: 10 * o.events})
	if err = errors.Join(err, os.Remove(path)); err != nil {
		return err
	}
	b.WriteString("\n| up to event | events per CPU-second since the line before | peak memory so far |\n|--:|--:|--:|\n")
	last := point{}
	for _, p := range m.curve {
		fmt.Fprintf(b, "| %s | %s | %d MiB |\n", thousands(float64(p.arrived)), thousands(perSecond(p.arrived-last.arrived, p.cpu-last.cpu)), p.memory>>20)
		last = p
	}
	return nil
}
