package assistant

import (
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/provider"
	"github.com/dragoman/dragoman/internal/provider/gate"
)

// caller is on whose behalf a turn's requests wait for a provider: teams take turns, and keys without one.
func (e *Engine) caller(t *Turn) gate.Caller {
	c := gate.Caller{Tenant: t.Principal.Team(), Tier: gate.Default}
	if c.Tenant == "" {
		c.Tenant = t.Principal.Owner()
	}
	if e.Priority != nil {
		c.Tier = e.Priority(t.Principal, t.Class)
	}
	return c
}

// keptBack refuses a request that has made model servers fail again and again.
func (e *Engine) keptBack(t *Turn) error {
	if e.Quarantine == nil || e.Quarantine.Empty() {
		return nil
	}
	print, err := fingerprint(t)
	if err != nil {
		return err
	}
	left := e.Quarantine.Check(print)
	if left == 0 {
		return nil
	}
	return &chat.Error{Code: chat.CodeQuarantined, Message: fmt.Sprintf(
		"this very request made a model server crash or hang repeatedly, and is not sent again for %s; change it, or ask for less at once", left.Round(time.Second))}
}

// suspect notes over which request a server broke off or fell silent. Where it does so over many, no request is to blame: then
// the model's breaker is open. The tries of one turn alone are not enough: they follow each other so closely that a server which is
// being restarted, or a network that fails for a second, would be taken for the request's fault.
func (e *Engine) suspect(t *Turn, target provider.Target, failure *chat.Error) {
	if e.Quarantine == nil || failure == nil && e.Quarantine.Empty() || failure != nil && !failure.Died || len(t.outgoing.Messages) == 0 {
		return
	}
	print, err := fingerprint(t)
	if err != nil {
		return // what cannot be told from others is not kept back
	}
	if failure == nil {
		e.Quarantine.Clear(print)
		return
	}
	if g, ok := target.Upstream.(provider.Gated); ok && g.Gate().Health(target.Model).Open {
		return
	}
	if t.strikes < strikesOfTurn {
		t.strikes++
		e.Quarantine.Strike(print)
	}
}

// strikesOfTurn is how often the tries of one turn count: one less than what it takes.
const strikesOfTurn = gate.Strikes - 1

func fingerprint(t *Turn) (gate.Fingerprint, error) {
	asked, err := canonical(t.outgoing)
	return sha256.Sum256([]byte(asked)), err
}
