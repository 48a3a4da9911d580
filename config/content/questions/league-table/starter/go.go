// The Depot League
package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

func solve(n int, teams []string) []string {
	// Your code goes here.
	return nil
}

func main() {
	input, _ := io.ReadAll(os.Stdin)
	lines := strings.Split(string(input), "\n")
	var n int
	fmt.Sscan(lines[0], &n)
	teams := lines[1 : 1+n]
	for _, line := range solve(n, teams) {
		fmt.Println(line)
	}
}
