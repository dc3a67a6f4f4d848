package source

import (
	"path"
	"strings"
)

// Flags is what a path alone says about a document; the ranker uses it.
type Flags uint32

const (
	Test      Flags = 1 << iota // code that tests other code, or its data
	Example                     // code that shows how other code is used
	Doc                         // prose
	Changelog                   // a list of what changed when
	Config                      // settings and data
	Made                        // its text was made of a file of another format: its lines are none of the file
)

// Classify tells the flags of a path.
func Classify(name string) Flags {
	dir, base := path.Split(name)
	flags := nameFlags(base)
	for folder := range strings.SplitSeq(strings.Trim(dir, "/"), "/") {
		flags |= folderFlags(folder)
	}
	return flags
}

// folderFlags are the flags of everything below a folder of this name.
func folderFlags(name string) Flags {
	switch strings.ToLower(name) {
	case "test", "tests", "testdata", "__tests__", "spec", "specs", "fixtures", "__fixtures__", "__mocks__", "mocks", "e2e", "testing_fixtures", "benches", "benchmarks", "benchmark", "bench":
		return Test
	case "example", "examples", "_examples", "samples", "sample", "demo", "demos", "exampledata":
		return Example
	}
	return 0
}

// nameFlags are the flags of a file of this name.
func nameFlags(base string) Flags {
	var flags Flags
	low := strings.ToLower(base)
	stem, ext := low, ""
	if dot := strings.LastIndexByte(low, '.'); dot > 0 {
		stem, ext = low[:dot], low[dot+1:]
	}
	switch ext {
	case "md", "markdown", "mdx", "rst", "adoc", "asciidoc", "txt", "org", "textile", "":
		flags |= Doc
	}
	if isData(base) {
		flags |= Config
	}
	switch {
	case strings.HasPrefix(stem, "example_") && strings.HasSuffix(stem, "_test"):
		flags |= Example | Test
	case strings.HasSuffix(stem, "_test"), strings.HasSuffix(stem, "_tests"), strings.HasPrefix(stem, "test_"), strings.HasSuffix(stem, ".test"),
		strings.HasSuffix(stem, ".spec"), strings.HasSuffix(stem, "_spec"), strings.HasSuffix(stem, ".test-d"), stem == "conftest",
		strings.HasSuffix(base, "Test.java"), strings.HasSuffix(base, "Tests.java"), strings.HasSuffix(base, "Test.kt"), strings.HasSuffix(base, "Tests.cs"), strings.HasSuffix(base, "Tests.swift"):
		flags |= Test
	}
	for _, c := range []string{"changelog", "changes", "history", "release-notes", "release_notes", "releasenotes", "news"} {
		if (stem == c || strings.HasPrefix(stem, c+"-") || strings.HasPrefix(stem, c+"_") || strings.HasPrefix(stem, c+".")) && flags&Doc != 0 {
			flags |= Changelog
		}
	}
	return flags
}

// set makes a set of blank-separated words.
func set(list string) map[string]bool {
	m := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		m[w] = true
	}
	return m
}

func extension(name string) string {
	if dot := strings.LastIndexByte(name, '.'); dot >= 0 {
		return strings.ToLower(name[dot+1:])
	}
	return ""
}

var dataExtensions = set("json json5 jsonc jsonl ndjson csv tsv xml yaml yml toml sql svg ipynb plist lock log po pot geojson har bib dat ini cfg conf properties")

// isData tells that a file of this name holds data rather than text that is read.
func isData(name string) bool { return dataExtensions[extension(name)] }

var (
	vendoredFolders = map[string]string{
		"node_modules": "packages of npm", "bower_components": "packages of Bower", "vendor": "other people's code", "third_party": "other people's code",
		"thirdparty": "other people's code", ".venv": "a Python environment", "venv": "a Python environment", "site-packages": "packages of Python",
		"__pycache__": "a cache", ".tox": "a cache", ".nox": "a cache", ".mypy_cache": "a cache", ".pytest_cache": "a cache", ".ruff_cache": "a cache",
		".gradle": "a cache", ".idea": "settings of an editor", ".vs": "settings of an editor", ".next": "what a build made", ".nuxt": "what a build made",
		".terraform": "a cache", "Pods": "packages of CocoaPods", ".eggs": "packages of Python", ".yarn": "packages of Yarn", ".pnpm-store": "packages of pnpm",
		".cargo": "a cache", "elm-stuff": "a cache", ".dart_tool": "a cache", "jspm_packages": "packages of jspm",
	}
	binaryExtensions = set(`svg png jpg jpeg gif bmp ico webp tif tiff avif heic psd ai eps raw mp3 mp4 m4a m4v wav ogg oga ogv flac avi mov mkv webm wmv
		zip gz tgz bz2 xz zst lz4 7z rar tar jar war ear apk ipa deb rpm dmg iso img msi cab whl egg gem nupkg crate pdf doc docx xls xlsx ppt pptx odt ods odp
		ttf otf woff woff2 eot exe dll so dylib a o obj lib bin class pyc pyo wasm node elc beam db sqlite sqlite3 mdb parquet feather arrow npy npz pkl pickle
		h5 hdf5 onnx pb pt pth safetensors gguf ggml tflite keystore jks der mo swp swo ds_store blend fbx glb gltf stl obj3d dat0 rdb dump profraw pprof prof`)
	lockFiles = set(`go.sum go.work.sum package-lock.json npm-shrinkwrap.json yarn.lock pnpm-lock.yaml bun.lock bun.lockb cargo.lock poetry.lock pipfile.lock uv.lock pdm.lock
		composer.lock gemfile.lock podfile.lock packages.lock.json mix.lock pubspec.lock flake.lock deno.lock gradle.lockfile .terraform.lock.hcl cartfile.resolved package.resolved`)
)

// folderReason tells why a folder of this name is left out, or "". builds says that Cargo or Maven build beside it.
func folderReason(name string, builds bool) (Reason, string) {
	if why, ok := vendoredFolders[name]; ok {
		return Vendored, why
	}
	if builds && name == "target" {
		return Generated, "what a build made"
	}
	return "", ""
}

// LeftOut tells why a file of a tree is left out by its path alone, as Walk leaves it out: at is the folder or the file of which that holds. reason is empty where
// it is not. What is kept at target is what a build made only beside a build's description, which a path does not tell.
func LeftOut(filePath string) (at string, reason Reason, detail string) {
	for i, c := range filePath {
		if c != '/' {
			continue
		}
		if reason, detail := folderReason(path.Base(filePath[:i]), false); reason != "" {
			return filePath[:i], reason, detail
		}
	}
	reason, detail = fileReason(filePath, path.Base(filePath))
	return filePath, reason, detail
}

// fileReason tells why a file of this name is left out without a look inside, or "".
func fileReason(_, name string) (Reason, string) {
	low := strings.ToLower(name)
	ext := extension(name)
	switch {
	case isSecret(low, ext):
		return Secret, ""
	case binaryExtensions[ext]:
		return Binary, ""
	case lockFiles[low]:
		return LockFile, ""
	case strings.HasSuffix(low, ".min.js") || strings.HasSuffix(low, ".min.css") || ext == "map":
		return Minified, ""
	case strings.HasSuffix(low, ".pb.go") || strings.HasSuffix(low, "_pb2.py") || strings.HasSuffix(low, "_pb2_grpc.py") || strings.HasSuffix(low, ".pb.cc") || strings.HasSuffix(low, ".pb.h") ||
		strings.HasSuffix(low, "_grpc.pb.go") || strings.HasSuffix(low, ".designer.cs") || strings.HasSuffix(low, ".g.dart") || strings.HasSuffix(low, ".freezed.dart"):
		return Generated, ""
	}
	return "", ""
}
