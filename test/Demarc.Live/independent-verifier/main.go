// Verifies an exported ledger with Go's own transparency-log packages, none of which we wrote: the checkpoint's signature with sumdb/note, every
// tile, every entry, and sampled inclusion and consistency proofs with sumdb/tlog. It exits 0 only when all of it holds.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run . FOLDER KEY
//
// KEY is a verifier key (name+hash+base64), or ed25519:… for a log whose key name is its checkpoint's first line.
package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

// folder reads tiles from the export. The layout is Go's own, except that the height is not part of the path.
type folder string

func (f folder) Height() int { return height }

func (f folder) SaveTiles([]tlog.Tile, [][]byte) {}

func (f folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", height), "tile/", 1)
		data, err := os.ReadFile(filepath.Join(string(f), path))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: independent-verifier FOLDER KEY")
		os.Exit(2)
	}
	size, err := verify(folder(os.Args[1]), os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, "refused:", err)
		os.Exit(1)
	}
	fmt.Printf("accepted: %d entries\n", size)
}

func verify(f folder, key string) (int64, error) {
	tree, err := openCheckpoint(f, key)
	if err != nil {
		return 0, err
	}
	if tree.N == 0 {
		if tree.Hash != tlog.Hash(sha256.Sum256(nil)) {
			return 0, fmt.Errorf("the root of an empty log is not the hash of nothing")
		}
		return 0, nil
	}
	// This reader checks each tile against the tree's root before it hands out a hash.
	reader := tlog.TileHashReader(tree, f)
	if err := checkEntries(f, tree, reader); err != nil {
		return 0, err
	}
	return tree.N, checkProofs(tree, reader)
}

func openCheckpoint(f folder, key string) (tlog.Tree, error) {
	var tree tlog.Tree
	data, err := os.ReadFile(filepath.Join(string(f), "checkpoint"))
	if err != nil {
		return tree, err
	}
	if strings.HasPrefix(key, "ed25519:") {
		raw, err := base64.RawURLEncoding.DecodeString(key[len("ed25519:"):])
		if err != nil {
			return tree, err
		}
		name, _, _ := strings.Cut(string(data), "\n")
		if key, err = note.NewEd25519VerifierKey(name, raw); err != nil {
			return tree, err
		}
	}
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return tree, err
	}
	opened, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return tree, err
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 {
		return tree, fmt.Errorf("checkpoint: fewer than three lines")
	}
	if tree.N, err = strconv.ParseInt(lines[1], 10, 64); err != nil || tree.N < 0 {
		return tree, fmt.Errorf("checkpoint: bad size %q", lines[1])
	}
	tree.Hash, err = tlog.ParseHash(lines[2])
	return tree, err
}

func checkEntries(f folder, tree tlog.Tree, reader tlog.HashReader) error {
	const width = 1 << height
	for start := int64(0); start < tree.N; start += width {
		tile := tlog.Tile{H: height, L: 0, N: start / width, W: width}
		if tree.N-start < width {
			tile.W = int(tree.N - start)
		}
		path := strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/0/", height), "tile/entries/", 1)
		bundle, err := os.ReadFile(filepath.Join(string(f), path))
		if err != nil {
			return err
		}
		var indexes []int64
		var hashes []tlog.Hash
		for rest := bytes.NewBuffer(bundle); rest.Len() > 0; {
			prefix := rest.Next(2)
			if len(prefix) < 2 || rest.Len() < int(binary.BigEndian.Uint16(prefix)) {
				return fmt.Errorf("%s: entry %d is cut off", path, start+int64(len(hashes)))
			}
			indexes = append(indexes, tlog.StoredHashIndex(0, start+int64(len(hashes))))
			hashes = append(hashes, tlog.RecordHash(rest.Next(int(binary.BigEndian.Uint16(prefix)))))
		}
		if len(hashes) != tile.W {
			return fmt.Errorf("%s: %d entries, want %d", path, len(hashes), tile.W)
		}
		want, err := reader.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for i := range hashes {
			if hashes[i] != want[i] {
				return fmt.Errorf("%s: entry %d does not have the hash in its tile", path, start+int64(i))
			}
		}
	}
	return nil
}

func checkProofs(tree tlog.Tree, reader tlog.HashReader) error {
	step := tree.N/50 + 1
	for n := int64(0); n < tree.N; n += step {
		leaf, err := reader.ReadHashes([]int64{tlog.StoredHashIndex(0, n)})
		if err != nil {
			return err
		}
		included, err := tlog.ProveRecord(tree.N, n, reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(included, tree.N, tree.Hash, n, leaf[0]); err != nil {
			return fmt.Errorf("entry %d is not in the tree: %v", n, err)
		}
		older, err := tlog.TreeHash(n+1, reader)
		if err != nil {
			return err
		}
		extends, err := tlog.ProveTree(tree.N, n+1, reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckTree(extends, tree.N, tree.Hash, n+1, older); err != nil {
			return fmt.Errorf("the tree does not continue the one of %d entries: %v", n+1, err)
		}
	}
	return nil
}
