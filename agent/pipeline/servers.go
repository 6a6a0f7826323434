package pipeline

import (
	"context"
	"fmt"
	"net"

	"github.com/rs/zerolog"

	"github.com/auditship/auditship/agent/config"
	"github.com/auditship/auditship/agent/health"
)

// servers are those of metrics and health, and of profiles.
type servers struct {
	log      zerolog.Logger
	guard    health.Guard
	health   net.Listener // nil: none
	profiles net.Listener // nil: none
}

// listen opens the addresses, "off" or "" for none.
func (s *servers) listen(healthAddress, profilesAddress string) (err error) {
	if s.health, err = listen(healthAddress); err != nil {
		return fmt.Errorf("http: %w", err)
	}
	if s.profiles, err = listen(profilesAddress); err != nil {
		return fmt.Errorf("debug.pprof: %w", err)
	}
	if s.profiles != nil && !health.IsLoopback(s.profiles.Addr()) {
		s.log.Warn().Str("address", profilesAddress).Msg("profiles can be read from other hosts; use 127.0.0.1")
	}
	if s.health != nil && !health.IsLoopback(s.health.Addr()) && s.guard.Token == nil {
		s.log.Info().Str("address", healthAddress).Msg("metrics can be read from other hosts; http_access.token asks for a token")
	}
	return nil
}

func listen(address string) (net.Listener, error) {
	if address == "" || address == "off" {
		return nil, nil
	}
	return net.Listen("tcp", address)
}

func (s *servers) serve(ctx context.Context, conditions *health.Conditions, inputs *health.Inputs, metrics *health.Metrics) error {
	if s.health == nil {
		return nil
	}
	return health.Serve(ctx, s.health, s.guard, conditions, inputs, metrics)
}

func (s *servers) serveProfiles(ctx context.Context) error {
	if s.profiles == nil {
		return nil
	}
	return health.ServeProfiles(ctx, s.profiles)
}

// close gives the addresses back, also where nothing was served.
func (s *servers) close() {
	for _, l := range []net.Listener{s.health, s.profiles} {
		if l != nil {
			_ = l.Close() // closed already if it was served
		}
	}
}

// Guard is that of the health server.
func Guard(access config.HTTPAccess) health.Guard {
	g := health.Guard{CertFile: access.CertFile, KeyFile: access.KeyFile}
	if !access.Token.IsZero() {
		g.Token = access.Token.Reveal
	}
	return g
}
