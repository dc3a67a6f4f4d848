package config

import (
	"fmt"
	"slices"
	"time"
)

// AssistantDegrade says what answers where the models of an assistant's route cannot.
type AssistantDegrade struct {
	Ladder []string      `yaml:"ladder" doc:"In this order: names of models or PROVIDER/MODEL (a cheaper one, one on this machine), cached (the answer that the same question, or one that means the same, got before), extractive (the best passages), wait (in line for the models of the route). Default: the error is told."`
	Stale  time.Duration `yaml:"stale" doc:"How old an answer may be that cached gives from before the knowledge changed, at most 30 days; it says from when it is, and is given only where each document that it was made from is there still and may be seen. Default: none is given."`
	Wait   time.Duration `yaml:"wait" doc:"How long wait may last; where it would take longer, or nobody knows how long, the error is told with the time. Default: 20s."`
}

// The rungs that are no models.
var rungs = []string{"cached", "extractive", "wait"}

func (d *decoder) assistantDegrade(c *Config, path string, a AssistantDegrade) {
	for i, rung := range a.Ladder {
		at := fmt.Sprintf("%s[%d]", join(path, "ladder"), i)
		switch {
		case slices.Index(a.Ladder, rung) < i:
			d.problem(at, fmt.Sprintf("%q stands there twice", rung), "")
		case !slices.Contains(rungs, rung):
			d.target(c, at, rung, "model", rungs)
		}
	}
	switch {
	case a.Stale < 0 || a.Stale > 30*24*time.Hour:
		d.problem(join(path, "stale"), "is a time up to 30d", "")
	case a.Stale > 0 && !slices.Contains(a.Ladder, "cached"):
		d.problem(join(path, "stale"), "the ladder has no rung cached that it could be of", "")
	case a.Stale > 0 && c.Cache.Size <= 0:
		d.problem(join(path, "stale"), "there is no cache that answers could be kept in: cache.size is 0", "")
	}
	if a.Wait < 0 || a.Wait > 10*time.Minute {
		d.problem(join(path, "wait"), "is a time up to 10m", "")
	}
}
