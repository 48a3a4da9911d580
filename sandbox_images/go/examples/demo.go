package main

import "fmt"

func main() {
	var limit int
	fmt.Scan(&limit)
	composite := make([]bool, limit+1)
	primes := 0
	for number := 2; number <= limit; number++ {
		if composite[number] {
			continue
		}
		primes++
		for multiple := number * number; multiple <= limit; multiple += number {
			composite[multiple] = true
		}
	}
	fmt.Printf("%d primes up to %d\n", primes, limit)
}
