package config

import (
	"strings"
	"testing"
)

func TestMisspeltKeysGiveNoSecretAway(t *testing.T) {
	secret := "sk-" + "Zx8Kq2Lw9Vb3Nm7Rt5Yh1Jd6"
	for _, key := range []string{"api_kee", "apikey", "key", "api_key"} {
		_, err := Parse("dragoman.yaml", []byte("providers:\n  openai: {"+key+": "+secret+", x: 1}\n"), Options{})
		if err == nil || strings.Contains(err.Error(), secret) {
			t.Errorf("%s: %v", key, err)
		}
	}
}
