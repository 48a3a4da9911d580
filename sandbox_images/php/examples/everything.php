<?php
echo stream_get_contents(STDIN);
foreach (array_slice($argv, 1) as $argument) {
    echo $argument, "\n";
}
readfile("data.txt");
fwrite(STDERR, "to stderr\n");
exit(3);
