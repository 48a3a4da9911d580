// The Shortest Printing Roller
package main

import (
	"bufio"
	"fmt"
	"os"
)

func solve(text string) int {
	// Your code goes here.
	return 0
}

func main() {
	in := bufio.NewReader(os.Stdin)
	var text string
	fmt.Fscan(in, &text)
	fmt.Println(solve(text))
}
