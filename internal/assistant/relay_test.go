package assistant

import (
	"errors"
	"testing"
)

func TestOnOwnStack(t *testing.T) {
	want := errors.New("as it was")
	if err := onOwnStack(func() error { return want }); err != want {
		t.Errorf("got %v", err)
	}
	defer func() {
		if p := recover(); p != want {
			t.Errorf("the panic became %v", p)
		}
	}()
	_ = onOwnStack(func() error { panic(want) })
	t.Error("a panic was lost")
}
