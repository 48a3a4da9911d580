// Lamps That Do Not Dazzle
package main

import (
	"bufio"
	"fmt"
	"os"
)

func solve(n int, rows []string) int {
	// Your code goes here.
	return 0
}

func main() {
	in := bufio.NewReader(os.Stdin)
	var n int
	fmt.Fscan(in, &n)
	rows := make([]string, n)
	for i := range rows {
		fmt.Fscan(in, &rows[i])
	}
	fmt.Println(solve(n, rows))
}
