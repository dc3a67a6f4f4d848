package prompt

import "github.com/dragoman/dragoman/internal/token"

// Tokens estimates how many tokens a text has, for packing.
func Tokens(s string) int { return token.Estimate(s) }
