// Signs Read From Both Ends
package main

import (
	"fmt"
	"io"
	"os"
	"strings"
)

func solve(n int, signs []string) []string {
	// Your code goes here.
	return nil
}

func main() {
	input, _ := io.ReadAll(os.Stdin)
	lines := strings.Split(string(input), "\n")
	var n int
	fmt.Sscan(lines[0], &n)
	signs := lines[1 : 1+n]
	for _, line := range solve(n, signs) {
		fmt.Println(line)
	}
}
