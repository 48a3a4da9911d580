// On Foot Through the Yard
package main

import (
	"bufio"
	"fmt"
	"os"
)

func solve(height int, width int, rows []string) int {
	// Your code goes here.
	return 0
}

func main() {
	in := bufio.NewReader(os.Stdin)
	var height int
	fmt.Fscan(in, &height)
	var width int
	fmt.Fscan(in, &width)
	rows := make([]string, height)
	for i := range rows {
		fmt.Fscan(in, &rows[i])
	}
	fmt.Println(solve(height, width, rows))
}
