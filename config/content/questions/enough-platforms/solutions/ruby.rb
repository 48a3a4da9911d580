_, *numbers = $stdin.read.split.map(&:to_i)
arrivals, departures = numbers.each_slice(2).to_a.transpose.map(&:sort)
gone = most = 0
arrivals.each.with_index(1) do |arrival, come|
  gone += 1 while departures[gone] <= arrival
  most = [most, come - gone].max
end
puts most
