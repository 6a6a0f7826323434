package input

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/auditship/auditship/agent/apisource"
	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/event"
	"github.com/auditship/auditship/agent/health"
	"github.com/auditship/auditship/exporter/peer"
)

// auditAPI is the type of input that polls the gateway's audit API.
type auditAPI struct{}

func (auditAPI) build(in config.Input, s Surroundings) (Built, error) {
	client, err := APIClient(in.API)
	if err != nil {
		return Built{}, err
	}
	c := apisource.Config{
		Input: in.ID, Gateway: in.Gateway, Client: client, Names: s.Names, Once: s.Once,
		PollInterval: time.Duration(in.API.PollInterval), Overlap: time.Duration(in.API.Overlap),
		Since: time.Duration(in.API.Since), PageSize: in.API.PageSize, MaxRecord: int64(in.API.MaxRecord),
		Retention: time.Duration(in.API.GatewayRetention),
		Condition: func(reason string) {
			if s.Condition(reason) && reason != "" {
				s.Log.Warn().Str("reason", reason).Msg("the audit API cannot be read; waiting, nothing is lost")
			}
		},
		Log: s.Log,
	}
	c.ReachedEnd, c.Owe = s.follow(in.ID, c.PollInterval)
	source, err := apisource.New(c)
	if err != nil {
		return Built{}, err
	}
	exportAPI(s.Metrics, in.ID, source)
	return Built{Source: source}, nil
}

// check asks for the newest record and the oldest.
func (auditAPI) check(ctx context.Context, in config.Input, saved []event.Saved) []Finding {
	oldest, err := readTwoRecords(ctx, in.API)
	switch {
	case errors.Is(err, apisource.ErrNoRecords):
		return []Finding{{What: "the gateway lets the token read its audit records; there are none yet"}}
	case err != nil:
		return []Finding{{
			What: err.Error(), Failed: true, Unreachable: errors.Is(err, peer.ErrUnreachable), Advice: timeLeft(in.API, saved, time.Now()),
		}}
	case oldest.IsZero():
		return []Finding{{What: "the gateway lets the token read its audit records"}}
	}
	age := time.Since(oldest)
	found := []Finding{{What: fmt.Sprintf("the gateway lets the token read its audit records; the oldest is of %s, %s ago",
		oldest.UTC().Format(time.RFC3339), apisource.Days(age))}}
	if since := time.Duration(in.API.Since); since > age+24*time.Hour {
		found = append(found, Finding{
			What:    fmt.Sprintf("since: %s reaches behind the oldest record that the gateway still has", in.API.Since),
			Warning: true,
			Advice: fmt.Sprintf(`The gateway keeps its records for 60 days unless its audit.retention_days says otherwise.
What is older than %s comes from exports only: auditship import FILE...
Raise audit.retention_days where records must outlive a long outage of the agent.`, apisource.Days(age)),
		})
	}
	return found
}

// timeLeft says how long the gateway keeps what is not read yet.
func timeLeft(api *config.APIInput, saved []event.Saved, now time.Time) string {
	for _, one := range saved {
		from, at, ok := apisource.Forgets(one.Position, time.Duration(api.GatewayRetention))
		switch {
		case !ok:
		case at.After(now):
			return fmt.Sprintf("Read up to %s. In %s records will be gone for good: the gateway keeps them for %s.",
				from.UTC().Format(time.RFC3339), apisource.Days(at.Sub(now)), api.GatewayRetention)
		default:
			return fmt.Sprintf("Read up to %s. The gateway keeps records for %s: what came after is being deleted for good.",
				from.UTC().Format(time.RFC3339), api.GatewayRetention)
		}
	}
	return ""
}

// readTwoRecords asks for the newest and the oldest record, and returns the time of
// the latter, zero where the gateway does not tell.
func readTwoRecords(ctx context.Context, api *config.APIInput) (oldest time.Time, err error) {
	client, err := onceAsked(api)
	if err != nil {
		return time.Time{}, err
	}
	defer client.Close()
	reader := apisource.NewReader(client, api.PageSize)
	if _, err := reader.Probe(ctx); err != nil {
		return time.Time{}, err
	}
	at, err := reader.Oldest(ctx)
	if err != nil || at == 0 {
		return time.Time{}, err
	}
	return time.UnixMilli(at), nil
}

// onceAsked is a client that makes each request once.
func onceAsked(api *config.APIInput) (*apisource.Client, error) {
	c, err := APIClient(api)
	if err != nil {
		return nil, err
	}
	c.Tries = 1
	return apisource.NewClient(c)
}

func (auditAPI) describe(position []byte) (string, error) { return apisource.Describe(position) }

func (auditAPI) learnNames(ctx context.Context, in config.Input, names *apisource.EventNames) error {
	client, err := onceAsked(in.API)
	if err != nil {
		return err
	}
	defer client.Close()
	if !names.Fetch(ctx, client) {
		return errors.New("the gateway does not tell them")
	}
	return nil
}

// APIClient is how the audit API of an input is asked. It reads the proxy's secret
// and sends nothing.
func APIClient(api *config.APIInput) (apisource.ClientConfig, error) {
	proxy, err := api.Proxy.Reveal()
	if err != nil {
		return apisource.ClientConfig{}, fmt.Errorf("proxy: %w", err)
	}
	c := apisource.ClientConfig{
		URL: api.URL, Username: api.Username, Proxy: proxy, Timeout: time.Duration(api.Timeout),
		CAFile: api.CAFile, CertFile: api.CertFile, KeyFile: api.KeyFile,
	}
	if !api.APIKey.IsZero() {
		c.APIKey = api.APIKey.Reveal
	}
	if !api.Password.IsZero() {
		c.Password = api.Password.Reveal
	}
	return c, nil
}

func exportAPI(m *health.Metrics, input event.InputID, source *apisource.Source) {
	if m == nil {
		return
	}
	labels := health.Labels{"input": string(input)}
	s, r := source.Stats(), source.Reader()
	seconds := func(read func() int64) func() float64 {
		return func() float64 { return float64(read()) / 1000 }
	}
	m.Counter("api_polls_total", "Rounds of looking for new records.", labels, s.Polls.Load)
	m.Counter("api_pages_total", "Pages of records that were read.", labels, r.Pages.Load)
	m.Counter("api_failed_requests_total", "Requests that failed, tried again or not.", labels, s.Failures.Load)
	m.Counter("api_repeated_records_total", "Records that were read again and recognised.", labels, s.Repeated.Load)
	m.Counter("api_late_records_total", "Records that came after later ones were read.", labels, s.Late.Load)
	m.Counter("api_unproven_windows_total", "Windows taken without proof that they are complete.", labels, r.Unproven.Load)
	m.Gauge("api_stalled_polls", "Polls in a row in which the cursor did not move.", labels, func() float64 { return float64(s.Stalled.Load()) })
	m.Gauge("api_read_until_timestamp_seconds", "Up to when records were read, by the gateway's clock.", labels, seconds(s.Until.Load))
	m.Gauge("api_behind_seconds", "How far that is behind the gateway's clock.", labels, seconds(s.Behind.Load))
	m.Gauge("api_oldest_record_timestamp_seconds", "The time of the oldest record that the gateway still has; 0: not known.", labels, seconds(s.Oldest.Load))
	m.Gauge("api_kept_seconds", "How long the gateway keeps its records, as far as is known.", labels, seconds(s.Kept.Load))
	m.Gauge("api_deleted_unread_seconds", "Of how much time the gateway had deleted records before they were read.", labels, seconds(s.Gap.Load))
	m.Gauge("api_forgets_in_seconds", "When the gateway begins to delete records that were not read, from now; +Inf: not known.", labels, func() float64 {
		if at := s.Forgets.Load(); at != 0 {
			return time.Until(time.UnixMilli(at)).Seconds()
		}
		return math.Inf(1)
	})
	m.Gauge("api_clock_skew_seconds", "How far the gateway's clock is ahead of the agent's.", labels, seconds(s.Skew.Load))
}
