package provider

import (
	"net/http"
	"net/url"
	"strings"
)

// Azure says how Azure OpenAI is asked: with the key in a header of its own, and either at openai/v1, where everything is as at
// OpenAI, or at deployments, whose names are in the path, and with a version of the API in the query
// (https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle).
type Azure struct {
	Version string // api-version; empty where the path needs none

	deployments bool // a model is the name of a deployment
	fixed       string
}

// AzureVersion is asked for where none is configured: the latest that is generally available of those with dates.
const AzureVersion = "2024-10-21"

// StreamsUsage says whether a version of the API tells the usage of streams when it is asked to; older ones refuse the question.
func (a *Azure) StreamsUsage() bool {
	return a.Version == "" || a.Version[0] != '2' || a.Version >= "2024-09-01"
}

// locate reads a base URL, which may end at the host, at openai, at openai/v1 or at a deployment, and returns what all paths
// follow.
func (a *Azure) locate(base string) string {
	if strings.HasSuffix(base, "/v1") {
		return base
	}
	if a.Version == "" {
		a.Version = AzureVersion
	}
	a.deployments = true
	root, name, found := strings.Cut(base, "/deployments/")
	if found {
		a.fixed = strings.Trim(name, "/")
		return root
	}
	if !strings.HasSuffix(base, "/openai") {
		base += "/openai"
	}
	return base
}

// path is where a path of the dialect is for a model; "" is no model, as for their list.
func (a *Azure) path(path, model string) string {
	if a.deployments && model != "" {
		if a.fixed != "" {
			model = a.fixed
		}
		path = "/deployments/" + url.PathEscape(model) + path
	}
	if a.Version != "" {
		path += "?api-version=" + url.QueryEscape(a.Version)
	}
	return path
}

func (a *Azure) authorize(h http.Header, key string) {
	if key != "" {
		h.Del("Authorization")
		h.Set("api-key", key)
	}
}
