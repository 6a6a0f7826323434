package health

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// The Notify functions tell systemd how the service is, as sd_notify(3) says, for a
// unit of Type=notify. Where no service manager listens they do nothing. An error
// means that systemd could not be told; the agent works all the same.

// NotifyReady says that the start, or a reload, is over.
func NotifyReady(status string) error {
	return notify(daemon.SdNotifyReady + "\n" + statusLine(status))
}

// NotifyReloading says that the configuration is read again. NotifyReady ends it,
// whether the new one is taken or the old one kept: systemd waits for it.
func NotifyReloading() error {
	return notify(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec())
}

// NotifyStopping says that the agent stops, with what it still waits for.
func NotifyStopping(status string) error {
	return notify(daemon.SdNotifyStopping + "\n" + statusLine(status))
}

// NotifyStatus says in one line for a person what the agent does; systemctl status
// shows it.
func NotifyStatus(status string) error { return notify(statusLine(status)) }

func statusLine(status string) string {
	return "STATUS=" + strings.Join(strings.Fields(status), " ") // a newline would begin another assignment
}

func notify(state string) error {
	if _, err := daemon.SdNotify(false, state); err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	return nil
}

// FeedWatchdog tells systemd four times in WatchdogSec that the agent works, each
// time only if progressing says so, until ctx ends. systemd ends and restarts a
// service that was silent for WatchdogSec. Without a watchdog it returns at once.
func FeedWatchdog(ctx context.Context, progressing func() bool) error {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return fmt.Errorf("watchdog of systemd: %w", err)
	}
	if interval == 0 {
		return nil
	}
	ticker := time.NewTicker(interval / 4)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if progressing() {
				_ = notify(daemon.SdNotifyWatchdog) // if no turn arrives, systemd acts on it
			}
		}
	}
}
