// Unfolding a Whistle Pattern
package main

import (
	"bufio"
	"fmt"
	"os"
)

func solve(pattern string) string {
	// Your code goes here.
	return ""
}

func main() {
	in := bufio.NewReader(os.Stdin)
	var pattern string
	fmt.Fscan(in, &pattern)
	fmt.Println(solve(pattern))
}
