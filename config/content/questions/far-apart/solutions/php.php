<?php
$numbers = array_map('intval', preg_split('/\s+/', trim(stream_get_contents(STDIN))));
$n = $numbers[0];
$tracks = array_fill(1, $n, []);
for ($place = 1; $place + 2 < count($numbers); $place += 3) {
    [$a, $b, $length] = array_slice($numbers, $place, 3);
    $tracks[$a][] = [$b, $length];
    $tracks[$b][] = [$a, $length];
}

function farthest(array $tracks, int $start): array
{
    $best = [0, $start];
    $stack = [[$start, 0, 0]];
    while ($stack) {
        [$station, $cameFrom, $distance] = array_pop($stack);
        if ($distance > $best[0]) {
            $best = [$distance, $station];
        }
        foreach ($tracks[$station] as [$there, $length]) {
            if ($there !== $cameFrom) {
                $stack[] = [$there, $station, $distance + $length];
            }
        }
    }
    return $best;
}

echo farthest($tracks, farthest($tracks, 1)[1])[0], "\n";
