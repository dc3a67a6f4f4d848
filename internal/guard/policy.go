package guard

// Action is what happens when a check finds something.
type Action string

const (
	Off   Action = "off"   // the check does not run
	Flag  Action = "flag"  // it is noted in the trace
	Mask  Action = "mask"  // it is replaced, and noted
	Block Action = "block" // the turn ends with an error
)

// Done is the action as the trace tells it.
func (a Action) Done() string {
	switch a {
	case Flag:
		return "flagged"
	case Mask:
		return "masked"
	case Block:
		return "blocked"
	}
	return string(a)
}

// Policy says what each check does.
type Policy struct {
	Secrets   Action // Mask, Flag or Off
	Injection Action // Flag, Block or Off
	Output    Action // on secrets that a model writes: Mask or Off
}

// DefaultPolicy masks secrets and flags injections: detectors of injections are wrong too often to block unasked.
func DefaultPolicy() Policy { return Policy{Secrets: Mask, Injection: Flag, Output: Mask} }
