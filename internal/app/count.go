package app

import (
	"context"
	"errors"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect/anthropic"
	"github.com/dragoman/dragoman/internal/dialect/gemini"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/provider"
	"github.com/dragoman/dragoman/internal/route"
)

// Counter counts the tokens of prompts for the doors that offer it.
type Counter struct {
	router   *route.Router
	upstream func(name string) (provider.Upstream, bool)
	allowed  func(p identity.Principal) func(string, route.Model) bool
	privacy  func(p identity.Principal) route.Privacy
}

// Counter is the counter of the present configuration.
func (a *App) Counter() *Counter {
	return &Counter{a.Models.Router, a.Models.Upstream, a.levels.allowed, a.levels.privacy}
}

// Count asks the provider of the model that would answer, where its dialect can count; else, or where that fails, it estimates.
// The prompt goes to no provider that it may not be sent to.
func (c *Counter) Count(ctx context.Context, req *chat.Request, p identity.Principal, label route.Privacy) (int64, error) {
	estimate := int64(assistant.EstimateInput(req))
	d, err := c.router.Choose(req.Model, route.Env{Allowed: c.allowed(p), Privacy: string(label.Stricter(c.privacy(p)))})
	if err != nil {
		if u, ok := errors.AsType[*route.UnknownModelError](err); ok {
			return 0, &chat.Error{Code: chat.CodeNotFound, Param: "model", Message: u.Error()}
		}
		return 0, err
	}
	if d.Refused {
		return 0, &chat.Error{Code: chat.CodeForbidden, Param: "model", Message: d.Why()}
	}
	if len(d.Models) == 0 {
		return estimate, nil
	}
	up, _ := c.upstream(d.Models[0].Provider)
	ex, ok := up.(assistant.Exchanger)
	if !ok {
		return estimate, nil
	}
	if n, err := ask(ctx, ex, d.Models[0].Name, req); err == nil && n > 0 {
		return n, nil
	}
	return estimate, nil
}

func ask(ctx context.Context, ex assistant.Exchanger, model string, req *chat.Request) (int64, error) {
	own := *req
	own.Model, own.Stream = model, false
	switch ex.Dialect() {
	case chat.Anthropic:
		body, err := anthropic.EncodeCountRequest(&own)
		if err != nil {
			return 0, err
		}
		answer, err := ex.Exchange(ctx, anthropic.CountPath, model, body)
		if err != nil {
			return 0, err
		}
		return anthropic.DecodeCount(answer)
	case chat.Gemini:
		var g gemini.Upstream
		body, _, err := g.EncodeCountTokens(&own)
		if err != nil {
			return 0, err
		}
		answer, err := ex.Exchange(ctx, g.CountPath(model), model, body)
		if err != nil {
			return 0, err
		}
		t, err := gemini.DecodeTokens(answer)
		return t.Total, err
	}
	return 0, nil
}
