// Lockers for Those Who Come Often
package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

func solve(capacity int, n int, commands []string) []string {
	// Your code goes here.
	return nil
}

func main() {
	input, _ := io.ReadAll(os.Stdin)
	lines := strings.Split(string(input), "\n")
	var capacity, n int
	fmt.Sscan(lines[0], &capacity, &n)
	commands := lines[1 : 1+n]
	for _, line := range solve(capacity, n, commands) {
		fmt.Println(line)
	}
}
