<?php
$lines = explode("\n", stream_get_contents(STDIN));
for ($number = 1; $number <= (int) $lines[0]; $number++) {
    $kept = preg_replace('/[^a-z0-9]/', '', strtolower($lines[$number] ?? ''));
    echo $kept === strrev($kept) ? "yes\n" : "no\n";
}
