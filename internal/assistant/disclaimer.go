package assistant

// disclaimer is what stands at the end of this answer; "" for none.
func (t *Turn) disclaimer() string {
	o := &t.Definition.Output
	if o.Disclaimer == "" || o.Format == JSON || t.Trace.Mode == Plain {
		return ""
	}
	return "\n\n" + o.Disclaimer
}

// disclaim says it after an answer of our own.
func (t *Turn) disclaim() error {
	if d := t.disclaimer(); d != "" {
		return t.say(d + "\n")
	}
	return nil
}
