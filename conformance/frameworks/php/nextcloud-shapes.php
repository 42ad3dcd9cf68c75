<?php

// What Nextcloud's memory cache and file locks do: scripts that compare and set or delete, called by their hash first; counters
// that are shared locks; a prefix cleared by KEYS. The scripts are our own; the client is the extension it uses.

require '_tap.php';

const SCRIPTS = [
    'compareSet' => "if redis.call('get', KEYS[1]) == ARGV[1] then redis.call('set', KEYS[1], ARGV[2]) return 1 end return 0",
    'compareDelete' => "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0",
    'deleteUnless' => "local value = redis.call('get', KEYS[1])\n"
        ."if value == false or value == ARGV[1] then return 0 end\nreturn redis.call('unlink', KEYS[1])",
    'decreaseIfThere' => "if redis.call('exists', KEYS[1]) == 0 then return 'NEX' end return redis.call('decrby', KEYS[1], ARGV[1])",
];

$host = getenv('REDIS_HOST') ?: '127.0.0.1';
$port = (int) (getenv('REDIS_PORT') ?: 6379);
$redis = new Redis;
$redis->pconnect($host, $port);
$unknown = 0;

/** Calls a script by its hash, and with its text when the server does not know it. */
function script(string $name, string $key, string ...$values): mixed
{
    global $redis, $unknown;
    $redis->clearLastError();
    $answer = $redis->evalSha(sha1(SCRIPTS[$name]), [$key, ...$values], 1);
    if ($answer === false && str_starts_with((string) $redis->getLastError(), 'NOSCRIPT')) {
        $unknown++;
        $redis->clearLastError();
        $answer = $redis->eval(SCRIPTS[$name], [$key, ...$values], 1);
    }
    same(null, $redis->getLastError());
    return $answer;
}

function shared(string $path): bool
{
    global $redis;
    if ($redis->get($path) === '"exclusive"') {
        return false;
    }
    $redis->multi()->incr($path)->expire($path, 600)->exec();
    return true;
}

check('a script is sent once and then called by its hash', function () use ($redis, &$unknown) {
    $redis->script('flush');
    $redis->set('value', '"a"');
    same([0, 1], [script('compareSet', 'value', '"b"', '"c"'), script('compareSet', 'value', '"a"', '"c"')]);
    same([0, '"c"'], [script('compareDelete', 'value', '"a"'), $redis->get('value')]);
    same([1, false], [script('compareDelete', 'value', '"c"'), $redis->get('value')]);
    same(2, $unknown);
});

check('a counter that is not there is not decreased, and an expected value is kept', function () use ($redis) {
    same('NEX', script('decreaseIfThere', 'count', '1'));
    $redis->set('count', 5);
    same(3, script('decreaseIfThere', 'count', '2'));
    same([0, 1, 0], [script('deleteUnless', 'count', '3'), script('deleteUnless', 'count', '4'), script('deleteUnless', 'count', '4')]);
});

check('shared locks of a file exclude an exclusive one, and may become it', function () use ($redis) {
    same([true, true], [shared('lock'), shared('lock')]);
    same(false, $redis->set('lock', '"exclusive"', ['nx', 'ex' => 600]));
    same(0, script('compareSet', 'lock', '1', '"exclusive"'));
    same(1, script('decreaseIfThere', 'lock', '1'));
    same(1, script('compareSet', 'lock', '1', '"exclusive"'));
    same([false, 1], [shared('lock'), script('compareDelete', 'lock', '"exclusive"')]);
    same(true, $redis->set('lock', '"exclusive"', ['nx', 'ex' => 600]));
});

check('a prefix is cleared, and other keys stay', function () use ($redis) {
    $values = [];
    for ($number = 0; $number < 200; $number++) {
        $values["cache/$number"] = json_encode(['number' => $number]);
    }
    $redis->mset($values);
    same(['number' => 77], json_decode($redis->get('cache/77'), true));
    $keys = $redis->keys('cache/*');
    same([200, 200], [count($keys), $redis->unlink($keys)]);
    same([[], 1], [$redis->keys('cache/*'), $redis->exists('lock')]);
});

check('entries with a time, iterated and in a transaction', function () use ($redis) {
    same(true, $redis->setex('timed', 600, 'x'));
    $redis->setOption(Redis::OPT_SCAN, Redis::SCAN_RETRY);
    $seen = [];
    $cursor = null;
    while ($keys = $redis->scan($cursor, 'time*', 100)) {
        $seen = array_merge($seen, $keys);
    }
    same(['timed'], array_values(array_unique($seen)));
    same([true, 1, 1], $redis->multi(Redis::PIPELINE)->set('n', 0)->incr('n')->unlink('timed')->exec());
});

finish();
