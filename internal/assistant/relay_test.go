package assistant

import (
	"errors"
	"strings"
	"testing"
)

func TestOnOwnStack(t *testing.T) {
	want := errors.New("as it was")
	if err := onOwnStack(func() error { return want }); err != want {
		t.Errorf("got %v", err)
	}
	defer func() {
		p, _ := recover().(*panicked)
		if p == nil || !errors.Is(p, want) || !strings.Contains(p.Error(), "TestOnOwnStack.func") {
			t.Errorf("the panic became %v", p)
		}
	}()
	_ = onOwnStack(func() error { panic(want) })
	t.Error("a panic was lost")
}
