def unfold(pattern, place)
  result = +""
  count = 0
  while place < pattern.length && pattern[place] != ")"
    character = pattern[place]
    place += 1
    if character.match?(/[0-9]/)
      count = 10 * count + character.to_i
    elsif character == "("
      inner, place = unfold(pattern, place)
      result << inner * count
      count = 0
    else
      result << character
    end
  end
  [result, place + 1]
end

puts unfold(gets.strip, 0)[0]
