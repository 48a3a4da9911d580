read -r limit
declare -A composite
primes=0
for ((number = 2; number <= limit; number++)); do
  [[ ${composite[$number]} ]] && continue
  primes=$((primes + 1))
  for ((multiple = number * number; multiple <= limit; multiple += number)); do
    composite[$multiple]=1
  done
done
echo "$primes primes up to $limit"
