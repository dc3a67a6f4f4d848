# Few targets on purpose; `go build ./cmd/dragoman` needs none of them.

.PHONY: build test clients local-model weaviate lint bench bench-gateway bench-retrieval bench-hybrid bench-encoder bench-grounding fuzz clean

build:            ## the binary, for this machine
	CGO_ENABLED=0 go build -trimpath -o dragoman ./cmd/dragoman

test:             ## what CI runs; installs what it needs
	scripts/test

clients:          ## SDKs and coding agents of the vendors against the binary; run="-run TestAgent/codex" selects
	scripts/clients $(run)

local-model:      ## local models with a real engine and a real model (600 MB, minutes); run="-run TestAsk" selects
	scripts/local-model $(run)

weaviate:         ## the suite of engines with a real Weaviate, built on first use (minutes; not part of CI)
	scripts/weaviate
	CGO_ENABLED=0 go test ./internal/knowledge/weaviate ./internal/knowledge/enginetest -run 'Server|Weaviate' $(run)

lint:             ## golangci-lint, installed on first use
	scripts/lint

bench:            ## the figures of bench/README.md (minutes; not part of the tests)
	bench/run

bench-gateway: build ## what a request costs beside a bare reverse proxy (3 minutes); flags="-only stream" selects
	CGO_ENABLED=0 go build -o .cache/gateway ./bench/gateway
	.cache/gateway -dragoman dragoman $(flags)

bench-retrieval:  ## retrieval sets with confidence intervals; sets=FOLDER holds them, in BEIR's layout; minilm=FILE adds vectors
	RETRIEVAL="$(sets)" MINILM="$(minilm)" bench/run retrieval

bench-hybrid:     ## speed, memory and start of searching by words and meaning, over made text; chunks=1000000
	CHUNKS="$(chunks)" bench/run hybrid

bench-encoder:    ## the encoder beside ONNX Runtime; evals=FOLDER holds the evaluation data
	EVALS="$(evals)" bench/run encoder

bench-grounding: build ## what the judge knows of support and answers; evals=FOLDER holds the evaluation data, minilm must be here
	./dragoman eval grounding $(evals)/grounding/*.jsonl --made $(evals)/handbook

fuzz:             ## every fuzz target, half a minute each
	scripts/fuzz 30s

clean:
	rm -rf dragoman dist .cache
