n, *numbers = $stdin.read.split.map(&:to_i)
periods = []
numbers.each_slice(2).sort.each do |from, to|
  if periods.any? && from <= periods.last[1]
    periods.last[1] = [periods.last[1], to].max
  else
    periods << [from, to]
  end
end
periods.each { |from, to| puts "#{from} #{to}" }
