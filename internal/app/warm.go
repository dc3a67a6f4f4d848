package app

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/guard"
	"github.com/dragoman/dragoman/internal/identity"
)

// KeepWarm asks the model servers that fall asleep for one token each, now and then, until the function that it returns is
// called: so that their models are in memory when somebody asks. The requests are in the books under the name "warm". It is to
// be begun anew after a Reload.
func (a *App) KeepWarm(ctx context.Context, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	now := &keeper{a.Config, a.Models, a.Engine, a.options.Now}
	var all sync.WaitGroup
	for _, name := range sortedKeys(a.Config.Providers) {
		if _, own := a.Models.pools[name]; own {
			continue // it sleeps when we say so: see engine.min
		}
		if w := a.Config.Providers[name].Warm; w != (config.Warm{}) {
			all.Go(func() { now.keepWarm(ctx, name, w, log) })
		}
	}
	return func() { cancel(); all.Wait() }
}

// keeper is what it takes, as it stands between two changes of the configuration.
type keeper struct {
	config *config.Config
	models *Models
	engine *assistant.Engine
	now    func() time.Time
}

func (k *keeper) keepWarm(ctx context.Context, name string, w config.Warm, log *slog.Logger) {
	if w.Every <= 0 {
		w.Every = 4 * time.Minute
	}
	if w.Model == "" {
		w.Model = k.modelAt(ctx, name)
	}
	if w.Model == "" {
		log.Warn("cannot keep a model warm: none is named, and the server lists none", "provider", name)
		return
	}
	model := name + "/" + w.Model
	failed := false
	for ctx.Err() == nil {
		begun := k.now()
		var all sync.WaitGroup
		var mu sync.Mutex
		var last error
		for range max(w.Min, 1) {
			all.Go(func() {
				if err := k.ping(ctx, model); err != nil {
					mu.Lock()
					last = err
					mu.Unlock()
				}
			})
		}
		all.Wait()
		switch took := k.now().Sub(begun).Round(time.Millisecond); {
		case ctx.Err() != nil:
		case last != nil && !failed:
			log.Warn("a model could not be warmed up; it is tried again", "model", model, "in", min(w.Every, warmAgain), "err", last)
		case last == nil && failed, took > time.Second:
			log.Info("a model is warm", "model", model, "after", took)
		}
		pause := w.Every
		if failed = last != nil; failed {
			pause = min(pause, warmAgain)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// warmAgain is when a server is asked again that did not answer.
const warmAgain = 15 * time.Second

// modelAt is a model of a provider: the first that is configured, else the first that it lists.
func (k *keeper) modelAt(ctx context.Context, provider string) string {
	for _, name := range sortedKeys(k.config.Models) {
		for _, use := range k.config.Models[name].Use {
			if model, ok := strings.CutPrefix(use, provider+"/"); ok {
				return model
			}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if up, ok := k.models.upstreams[provider]; ok {
		if names, err := up.Models(ctx); err == nil && len(names) > 0 {
			return names[0]
		}
	}
	return ""
}

// ping asks a model for one token.
func (k *keeper) ping(ctx context.Context, model string) error {
	_, err := k.engine.Run(ctx, &assistant.Turn{
		Request:   &chat.Request{Model: model, MaxTokens: 1, Messages: []chat.Message{chat.NewText(chat.User, "Hi")}},
		Principal: identity.Principal{Name: "warm"}, Class: "batch", Feature: "warm", Door: "warm", Cache: assistant.CacheWish{NoCache: true, NoStore: true},
		Definition: &assistant.Definition{Policy: guard.Policy{Secrets: guard.Off, Injection: guard.Off, Output: guard.Off}}, Out: nobody{},
	})
	return err
}

// nobody reads an answer.
type nobody struct{}

func (nobody) Begin(*assistant.Turn) error   { return nil }
func (nobody) Event(*chat.Event, bool) error { return nil }
func (nobody) Flush() error                  { return nil }
