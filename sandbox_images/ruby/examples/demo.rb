limit = gets.to_i
sieve = Array.new(limit + 1, true)
sieve[0] = sieve[1] = false
(2..Integer.sqrt(limit)).each do |number|
  (number * number).step(limit, number) { |multiple| sieve[multiple] = false } if sieve[number]
end
puts "#{sieve.count(true)} primes up to #{limit}"
