<?php
$limit = (int) fgets(STDIN);
$sieve = array_fill(2, $limit - 1, true);
for ($number = 2; $number * $number <= $limit; $number++) {
    if (isset($sieve[$number])) {
        for ($multiple = $number * $number; $multiple <= $limit; $multiple += $number) {
            unset($sieve[$multiple]);
        }
    }
}
echo count($sieve), " primes up to $limit\n";
