package provider_test

import (
	"context"
	"testing"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/provider"
	"github.com/dragoman/dragoman/internal/provider/providertest"
)

// byResponses asks as callers of /responses do, and so there.
type byResponses struct{ *provider.Provider }

func (p byResponses) Send(ctx context.Context, req *chat.Request) (*provider.Reply, error) {
	own := *req
	own.Wire = chat.OpenAIResponses
	return p.Provider.Send(ctx, &own)
}

func TestConformance(t *testing.T) {
	for name, dialect := range map[string]string{"chat completions": "openai", "responses": "openai", "messages": "anthropic", "gemini": "gemini"} {
		t.Run(name, func(t *testing.T) {
			providertest.Conformance(t, func(t *testing.T, s providertest.Setup) providertest.Client {
				if name == "gemini" {
					s.BaseURL += "beta"
				}
				client := provider.NewClient()
				t.Cleanup(client.CloseIdleConnections)
				p, err := provider.New(provider.Config{
					Name: "up", Dialect: dialect, BaseURL: s.BaseURL, APIKey: s.Key, FirstTokenTimeout: s.FirstToken, IdleTimeout: s.Idle,
					Responses: name == "responses",
				}, client)
				if err != nil {
					t.Fatal(err)
				}
				if name == "responses" {
					return byResponses{p}
				}
				return p
			})
		})
	}
}
