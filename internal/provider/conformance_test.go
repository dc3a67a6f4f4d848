package provider_test

import (
	"testing"

	"github.com/dragoman/dragoman/internal/provider"
	"github.com/dragoman/dragoman/internal/provider/providertest"
)

func TestConformance(t *testing.T) {
	for _, dialect := range []string{"openai", "anthropic"} {
		t.Run(dialect, func(t *testing.T) {
			providertest.Conformance(t, func(t *testing.T, s providertest.Setup) providertest.Client {
				client := provider.NewClient()
				t.Cleanup(client.CloseIdleConnections)
				p, err := provider.New(provider.Config{
					Name: "up", Dialect: dialect, BaseURL: s.BaseURL, APIKey: s.Key, FirstTokenTimeout: s.FirstToken, IdleTimeout: s.Idle,
				}, client)
				if err != nil {
					t.Fatal(err)
				}
				return p
			})
		})
	}
}
