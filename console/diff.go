package console

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
)

// change is a line of a difference. Sign is "+" for a new line, "-" for a removed one, and a
// space for one that stays.
type change struct {
	Sign string `json:"sign"`
	Line string `json:"line"`
}

// maxDiff bounds the lines that are compared: the work grows with their product.
const maxDiff = 1500

// indented returns JSON with indentation.
func indented(body []byte) (string, bool) {
	var out bytes.Buffer
	if !json.Valid(body) || json.Indent(&out, body, "", "  ") != nil {
		return "", false
	}
	return out.String(), true
}

func pretty(body []byte) string {
	if text, ok := indented(body); ok {
		return text
	}
	return string(body)
}

// diff compares two texts line by line. Lines that both begin or end with are not compared, and
// texts that differ in very many lines are shown one after the other.
func diff(before, after string) []change {
	a, b := strings.Split(before, "\n"), strings.Split(after, "\n")
	same := 0
	for same < min(len(a), len(b)) && a[same] == b[same] {
		same++
	}
	end := 0
	for end < min(len(a), len(b))-same && a[len(a)-1-end] == b[len(b)-1-end] {
		end++
	}
	out := signed(nil, " ", a[:same])
	left, right := a[same:len(a)-end], b[same:len(b)-end]
	if len(left) > maxDiff || len(right) > maxDiff {
		out = signed(signed(out, "-", left), "+", right)
	} else {
		out = append(out, compare(left, right)...)
	}
	return signed(out, " ", a[len(a)-end:])
}

func signed(out []change, sign string, lines []string) []change {
	for _, l := range lines {
		out = append(out, change{sign, l})
	}
	return out
}

// compare returns the difference with the fewest changed lines, by their longest common
// subsequence.
func compare(a, b []string) []change {
	common := make([][]int32, len(a)+1) // the length of the longest one from i and j on
	for i := range common {
		common[i] = make([]int32, len(b)+1)
	}
	for i := range slices.Backward(a) {
		for j := range slices.Backward(b) {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var out []change
	i, j := 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] == b[j]:
			out = append(out, change{" ", a[i]})
			i, j = i+1, j+1
		case common[i+1][j] >= common[i][j+1]:
			out = append(out, change{"-", a[i]})
			i++
		default:
			out = append(out, change{"+", b[j]})
			j++
		}
	}
	return signed(signed(out, "-", a[i:]), "+", b[j:])
}
