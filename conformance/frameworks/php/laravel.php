<?php

// Laravel's queues, limiters, locks and cache (packages illuminate/queue, redis, cache): jobs that are delayed, released, lost by
// a killed worker, and its scripts.

require '_tap.php';
// Debian's packages are loaded by these; they know of newer languages than they were written for.
error_reporting(E_ALL & ~E_DEPRECATED);
require_once 'Illuminate/Queue/autoload.php';
require_once 'Illuminate/Redis/autoload.php';
require_once 'Illuminate/Cache/autoload.php';

use Illuminate\Cache\RateLimiter;
use Illuminate\Cache\RedisStore;
use Illuminate\Cache\Repository;
use Illuminate\Container\Container;
use Illuminate\Contracts\Redis\LimiterTimeoutException;
use Illuminate\Queue\RedisQueue;
use Illuminate\Redis\RedisManager;

$container = new Container;
Container::setInstance($container);
$server = ['host' => getenv('REDIS_HOST') ?: '127.0.0.1', 'port' => (int) (getenv('REDIS_PORT') ?: 6379), 'database' => 0];
$redis = new RedisManager($container, 'phpredis', ['options' => ['prefix' => 'laravel_'], 'default' => $server]);
$notes = [];

class Note
{
    public function fire($job, $data): void
    {
        global $notes;
        $notes[] = $data;
        $job->delete();
    }
}

function queue(string $name, int $retryAfter = 60, ?int $blockFor = null): RedisQueue
{
    global $container, $redis;
    $queue = new RedisQueue($redis, $name, 'default', $retryAfter, $blockFor);
    $queue->setContainer($container);
    $queue->setConnectionName('redis');
    return $queue;
}

function work(RedisQueue $queue): int
{
    for ($done = 0; $job = $queue->pop(); $done++) {
        $job->fire();
    }
    return $done;
}

if (($argv[1] ?? '') === 'stuck') {
    echo queue('lost', 1)->pop()->attempts(), "\n";
    sleep(600);
}

check('jobs run in order, alone and in bulk', function () {
    global $notes;
    $queue = queue('plain');
    $queue->push('Note', 'first');
    $queue->bulk(array_fill(0, 50, 'Note'), 'bulk');
    $queue->pushOn('other', 'Note', 'elsewhere');
    same([51, 1], [$queue->size(), $queue->size('other')]);
    same(51, work($queue));
    same(array_merge(['first'], array_fill(0, 50, 'bulk')), $notes);
    same(0, $queue->size());
    same(1, $queue->clear('other'));
});

check('a popped job is reserved, released with a pause, and counts its attempts', function () {
    $queue = queue('released');
    $queue->push('Note', 'again');
    $job = $queue->pop();
    same([1, 1, null], [$job->attempts(), $queue->size(), $queue->pop()]);
    $job->release(0);
    $job = $queue->pop();
    same(2, $job->attempts());
    $job->release(3600);
    same([null, 1], [$queue->pop(), $queue->size()]);
    same(1, $queue->clear('released'));
    same([], queue('released')->getRedis()->connection()->keys('*queues:released*'));
});

check('a delayed job runs when its time has come', function () {
    global $notes;
    $notes = [];
    $queue = queue('delayed');
    $began = microtime(true);
    $queue->later(2, 'Note', 'later');
    $queue->later(3600, 'Note', 'much later');
    eventually('the job', fn () => work($queue) === 1);
    same(['later'], $notes);
    same(true, microtime(true) - $began >= 1);
    same(1, $queue->size());
});

check('the job of a killed worker comes back', function () {
    $queue = queue('lost', 1);
    $queue->push('Note', 'lost');
    $child = proc_open([PHP_BINARY, __FILE__, 'stuck'], [1 => ['pipe', 'w']], $pipes);
    same("1\n", fgets($pipes[1]));
    proc_terminate($child, 9);
    proc_close($child);
    $job = eventually('the job', fn () => $queue->pop());
    same(2, $job->attempts());
    $job->delete();
    same(0, $queue->size());
});

check('a worker waits for a job to be pushed', function () {
    $queue = queue('waiting', 60, 1);
    same(null, $queue->pop());
    $queue->push('Note', 'soon');
    same(1, $queue->pop()->attempts());
});

check('a funnel lets so many in at a time', function () {
    global $redis;
    $connection = $redis->connection();
    $inside = 0;
    $enter = function () use (&$enter, &$inside, $connection) {
        $inside++;
        $connection->funnel('funnel')->limit(3)->releaseAfter(60)->block(0)->then($enter);
    };
    try {
        $connection->funnel('funnel')->limit(3)->releaseAfter(60)->block(0)->then($enter);
    } catch (LimiterTimeoutException) {
        same(3, $inside);
    }
    $connection->funnel('funnel')->limit(3)->releaseAfter(60)->block(0)->then(function () use (&$inside) {
        $inside = 99;
    });
    same(99, $inside);
});

check('a throttle lets so many in during a time', function () {
    global $redis;
    $connection = $redis->connection();
    $passed = 0;
    $refused = 0;
    for ($turn = 0; $turn < 8; $turn++) {
        $connection->throttle('throttle')->allow(5)->every(600)->block(0)->then(
            function () use (&$passed) {
                $passed++;
            },
            function () use (&$refused) {
                $refused++;
            }
        );
    }
    same([5, 3], [$passed, $refused]);
});

$store = new RedisStore($redis, 'cache:', 'default');
$cache = new Repository($store);

check('a lock belongs to its owner until it is released', function () use ($store) {
    $lock = $store->lock('printer', 60);
    same([true, false], [$lock->get(), $store->lock('printer', 60)->get()]);
    same(false, $store->restoreLock('printer', 'somebody else')->release());
    same(true, $store->restoreLock('printer', $lock->owner())->release());
    same(true, $store->lock('printer', 60)->block(1, fn () => true));
    $store->lock('printer', 60)->get();
    $store->lock('printer')->forceRelease();
    same(true, $store->lock('printer', 60)->get());
});

check('the cache keeps, counts, adds once and forgets', function () use ($cache) {
    $cache->put('array', ['a' => 1.5, 'b' => null], 600);
    same(['a' => 1.5, 'b' => null], $cache->get('array'));
    same([true, false], [$cache->add('once', 1, 600), $cache->add('once', 2, 600)]);
    $cache->putMany(['x' => 1, 'y' => 'text'], 600);
    same(['x' => 1, 'y' => 'text', 'z' => null], array_map(fn ($value) => is_numeric($value) ? (int) $value : $value, $cache->many(['x', 'y', 'z'])));
    same([5, 3], [(int) $cache->increment('count', 5), (int) $cache->decrement('count', 2)]);
    same('made', $cache->remember('made', 600, fn () => 'made'));
    same('made', $cache->pull('made'));
    same(null, $cache->get('made'));
});

check('tagged entries go with their tag', function () use ($cache) {
    $cache->tags(['people', 'artists'])->put('ada', 1, 600);
    $cache->tags(['people'])->put('bob', 2, 600);
    $cache->tags('artists')->flush();
    same([null, 2], [$cache->tags(['people', 'artists'])->get('ada'), (int) $cache->tags(['people'])->get('bob')]);
});

check('a rate limiter counts its hits', function () use ($cache) {
    $limiter = new RateLimiter($cache);
    $allowed = 0;
    for ($turn = 0; $turn < 6; $turn++) {
        $allowed += $limiter->attempt('login', 4, fn () => true, 600) ? 1 : 0;
    }
    same([4, 0, true], [$allowed, $limiter->remaining('login', 4), $limiter->availableIn('login') > 590]);
});

finish();
