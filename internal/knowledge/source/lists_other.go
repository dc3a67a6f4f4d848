//go:build !linux

package source

// hasList says whether a file has a list of permissions beside its mode. Those of other systems only add to the mode, or are not known here.
func hasList(string) bool { return false }
