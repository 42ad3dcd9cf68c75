<?php

// Checks, and their report in the lines of the Test Anything Protocol. Waiting is for conditions, never for times.

$outcomes = [];

/** Runs one check; what it throws is its failure. */
function check(string $name, callable $body): void
{
    global $outcomes;
    try {
        $body();
        $outcomes[] = true;
        echo "ok - $name\n";
    } catch (Throwable $error) {
        $outcomes[] = false;
        echo "not ok - $name\n";
        foreach (array_slice(explode("\n", (string) $error), 0, 14) as $line) {
            echo "# $line\n";
        }
    }
}

function same(mixed $expected, mixed $found): void
{
    if ($expected !== $found) {
        throw new Exception('expected '.json_encode($expected).', found '.json_encode($found));
    }
}

/** Waits until the condition answers something true, and answers that. */
function eventually(string $what, callable $condition): mixed
{
    $deadline = microtime(true) + 60;
    while (! ($answer = $condition())) {
        if (microtime(true) > $deadline) {
            throw new Exception("never seen: $what");
        }
        usleep(10_000);
    }
    return $answer;
}

/** Says how many checks there were, and ends. */
function finish(): never
{
    global $outcomes;
    echo '1..'.count($outcomes)."\n";
    exit(in_array(false, $outcomes, true) ? 1 : 0);
}
