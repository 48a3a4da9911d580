// Couplings in Order
package main

import (
	"bufio"
	"fmt"
	"os"
)

func solve(text string) string {
	// Your code goes here.
	return ""
}

func main() {
	in := bufio.NewReader(os.Stdin)
	var text string
	fmt.Fscan(in, &text)
	fmt.Println(solve(text))
}
