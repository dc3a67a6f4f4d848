package source

import "testing"

func TestClassify(t *testing.T) {
	const ranked = Test | Example | Changelog // what ranking looks at
	for path, want := range map[string]Flags{
		"main.go": 0, "internal/contest.go": 0, "pkg/latest.py": 0, "src/history.go": 0, "attest/attest.go": 0, "src/testing.rs": 0, "changes/api.go": 0,
		"a_test.go": Test, "testdata/x.json": Test, "pkg/tests/helper.py": Test, "test_views.py": Test, "conftest.py": Test, "app.test.ts": Test,
		"app.spec.tsx": Test, "models/user_spec.rb": Test, "src/UserServiceTest.java": Test, "__tests__/a.js": Test, "Tests/A.swift": Test,
		"examples/hello/main.go": Example, "_examples/a.go": Example, "example_test.go": Test | Example, "example_walk_test.go": Test | Example, "samples/tests/a.cs": Test | Example,
		"CHANGELOG.md": Changelog, "docs/changelog-v2.rst": Changelog, "HISTORY.md": Changelog, "CHANGES": Changelog, "RELEASE-NOTES.txt": Changelog, "NEWS": Changelog,
	} {
		if got := Classify(path) & ranked; got != want {
			t.Errorf("Classify(%q) = %b; want %b", path, got, want)
		}
	}
	for path, want := range map[string]Flags{"README.md": Doc, "docs/a.rst": Doc, "LICENSE": Doc, "a.yaml": Config, "a.json": Config, "main.go": 0} {
		if got := Classify(path) & (Doc | Config); got != want {
			t.Errorf("Classify(%q) = %b; want %b", path, got, want)
		}
	}
}

// TestWalkClassifiesAsClassify: Walk puts the flags together folder by folder.
func TestWalkClassifiesAsClassify(t *testing.T) {
	root := plant(t, map[string]string{"a.go": "", "tests/deep/er/a.go": "", "examples/tests/x.md": "", "docs/CHANGELOG.md": "", "x/a_test.go": ""})
	for _, f := range walk(t, root).Files {
		if want := Classify(f.Path); f.Flags != want {
			t.Errorf("%s: Walk says %b, Classify %b", f.Path, f.Flags, want)
		}
	}
}
