package mappings

import (
	"context"
	"fmt"
	"time"

	"github.com/auditship/auditship/exporter"
	"github.com/auditship/auditship/exporter/install"
)

// verifier collects checks.
type verifier struct {
	client *exporter.Client
	server exporter.Info
	opts   Options
	mark   string
	// slack is how late ILM may be without a fault.
	slack  time.Duration
	judged map[string]bool // the policies that were looked at
	checks []install.Check
}

func (v *verifier) check(subject, name string, ok bool, detail string, args ...any) {
	result := install.OK
	if !ok {
		result = install.Failed
	}
	v.add(subject, name, result, fmt.Sprintf(detail, args...))
}

func (v *verifier) add(subject, name string, result install.Result, detail string) {
	v.checks = append(v.checks, install.Check{Subject: subject, Name: name, Result: result, Detail: detail})
}

// Verify proves on the live data streams that records are kept as long as they
// should be, now and after the next rollover, and that what is installed is as
// shipped. The stream of the namespace may not exist yet: then what it would be
// created with is checked. Nothing is changed. An error means that it could not be
// found out; a failed check is in the list.
func (t *Target) Verify(ctx context.Context) ([]install.Check, error) {
	p, err := newPlan(ctx, t.client, t.opts, t.namespace)
	if err != nil {
		return nil, err
	}
	v := &verifier{client: t.client, server: p.server, opts: p.opts, mark: p.mark, judged: map[string]bool{}}
	if !v.server.Serverless {
		if err := v.ilm(ctx); err != nil {
			return nil, err
		}
	}
	v.objects(p)
	return v.checks, v.streams(ctx, StreamName(t.namespace))
}

// objects checks that what is installed is as shipped. The policy is judged by its
// ages, whatever else a person changed in it.
func (v *verifier) objects(p *plan) {
	for _, o := range p.objects {
		byHand := install.Failed
		if o.Kind == ILMPolicy {
			byHand = install.Unproven
		}
		detail := "yes"
		for i, c := range o.changes {
			if i == 0 {
				detail = c.String()
			} else if i == len(o.changes)-1 {
				detail += fmt.Sprintf(" and %d more", i)
			}
		}
		switch o.state {
		case install.Current:
			v.add(o.String(), "as shipped", install.OK, "yes")
		case install.Missing:
			v.add(o.String(), "exists", install.Failed, "no; auditship setup creates it")
		case install.Outdated:
			v.add(o.String(), "as shipped", byHand, "an older version or another configuration: "+detail+"; auditship setup updates it")
		case install.Changed:
			v.add(o.String(), "as shipped", byHand, "changed by a person: "+detail+"; auditship setup --force replaces it")
		case install.Deletes:
			v.add(o.String(), "as shipped", byHand, "another configuration: "+detail+"; auditship setup --plan says what a change would delete")
		}
	}
}

// streams checks every stream there is, and the one that is to be.
func (v *verifier) streams(ctx context.Context, wanted string) error {
	all, err := streams(ctx, v.client)
	if err != nil {
		return err
	}
	exists := false
	for _, s := range all {
		exists = exists || s.Name == wanted
		if err := v.stream(ctx, s); err != nil {
			return err
		}
	}
	if exists {
		return nil
	}
	in, err := v.template(ctx, wanted)
	if err != nil {
		return err
	}
	subject := "data stream " + wanted + " (not created yet)"
	v.form(subject, "its template", in)
	if err := v.nextLifecycle(ctx, subject, in, dataStream{}); err != nil {
		return err
	}
	if v.server.Serverless {
		return nil
	}
	d, err := resolve(ctx, v.client, wanted)
	if err == nil && d.kind != nothing {
		v.check(subject, "name", false, "%s", d.words(wanted))
	}
	return err
}

// template checks which template a new backing index of the stream would take.
func (v *verifier) template(ctx context.Context, stream string) (template, error) {
	subject := "index template for " + stream
	in, err := simulate(ctx, v.client, stream)
	if err != nil {
		return template{}, err
	}
	ours := markOf(in.Mappings) == v.mark
	v.check(subject, "in force", ours, "%s", pick(ours, Name+", as shipped",
		"not "+Name+" as shipped: an older version, one that a person changed, or another template of a higher priority; see auditship setup --plan"))
	return in, nil
}

// form checks what decides about the form of documents in an index or template.
func (v *verifier) form(subject, of string, in template) {
	mode := in.setting("index.mode")
	v.check(subject, "index.mode", mode == "standard", "%s has %q, wanted %q", of, mode, "standard")
}

// stream checks one existing stream.
func (v *verifier) stream(ctx context.Context, s dataStream) error {
	subject := "data stream " + s.Name
	in, err := v.template(ctx, s.Name)
	if err != nil {
		return err
	}
	v.check(subject, "template", s.Template == Name, "%q, wanted %q", s.Template, Name)
	if err := v.nextLifecycle(ctx, subject, in, s); err != nil {
		return err
	}
	if len(s.Indices) == 0 {
		return nil
	}
	write := s.writeIndex()
	live, err := readIndex(ctx, v.client, write.Name)
	if err != nil {
		return err
	}
	v.form(subject, write.Name, live)
	if err := v.backingIndices(ctx, subject, s); err != nil {
		return err
	}
	fresh := markOf(live.Mappings) == v.mark && hasFields(live.Mappings, in.Mappings)
	v.check(subject, "mapping", fresh, "%s %s", write.Name, pick(fresh, "is up to date", "has an older mapping than the template; auditship setup rolls the stream over"))
	v.check(subject, "failure store", !s.FailureStore.Enabled, "%s", pick(!s.FailureStore.Enabled, "off",
		"on: what lands there is kept 30 days only; turn it off with PUT _data_stream/"+s.Name+`/_options {"failure_store":{"enabled":false}}`))
	return nil
}

func pick(ok bool, yes, no string) string {
	if ok {
		return yes
	}
	return no
}
