# Sidekiq: jobs in bulk, scheduled jobs by its script, retries, the dead, and a process that is asked to stop at work.

require "sidekiq"
require "sidekiq/api"
require_relative "_tap"

URL = ENV.fetch("REDIS_URL", "redis://127.0.0.1:6379/0")
Sidekiq.configure_client { |config| config.redis = { url: URL } }
Sidekiq.configure_server do |config|
  config.redis = { url: URL }
  # Every so many seconds it is looked for jobs whose time has come.
  config.options[:poll_interval_average] = 1
end

# Debian pairs it with a newer client, which warns of what will change.
Redis.silence_deprecations = true

def redis(&block) = Sidekiq.redis(&block)

class Count
  include Sidekiq::Worker

  def perform(number) = redis { |client| client.hincrby("done", number, 1) }
end

class Note
  include Sidekiq::Worker

  def perform(text) = redis { |client| client.rpush("notes", text) }
end

class Stubborn
  include Sidekiq::Worker
  sidekiq_options retry: 2
  sidekiq_retry_in { 1 }
  sidekiq_retries_exhausted { |job| redis { |client| client.rpush("exhausted", job["error_message"]) } }

  def perform(failures)
    raise "failure #{failures}" if redis { |client| client.incr("failures:#{failures}") } <= failures
  end
end

class Long
  include Sidekiq::Worker
  sidekiq_options queue: "long"

  def perform
    first = redis { |client| client.incr("long") } == 1
    sleep 600 if first
  end
end

# The same file is what the processes of Sidekiq load.
return unless $PROGRAM_NAME == __FILE__

include Tap

def start(*options, threads: 5)
  log = File.join(ENV.fetch("SCRATCH", "."), "sidekiq.log")
  words = [RbConfig.ruby, "-S", "sidekiq", "-r", File.expand_path(__FILE__), "-c", threads.to_s, "-e", "production", *options]
  Process.spawn(*words, out: [log, "a"], err: [log, "a"])
end

def stop(pid)
  Process.kill("TERM", pid)
  Process.wait(pid)
end

# Lets a failed job run now: how long it waits is up to chance.
def hasten
  eventually("a job to be tried again") { Sidekiq::RetrySet.new.size == 1 }
  Sidekiq::RetrySet.new.first.reschedule(Time.now.to_f)
end

def notes = redis { |client| client.lrange("notes", 0, -1) }

processes = [start("-q", "default"), start("-q", "default")]

check "2000 jobs pushed in bulk are done once each by two processes" do
  (0...2000).each_slice(500) { |slice| Sidekiq::Client.push_bulk("class" => Count, "args" => slice.zip) }
  eventually("all jobs") { redis { |client| client.hlen("done") } == 2000 }
  assert_equal ["1"], redis { |client| client.hvals("done") }.uniq
  eventually("the statistics") { Sidekiq::ProcessSet.new.size == 2 && Sidekiq::Queue.new.size.zero? }
end

check "scheduled jobs run when their time has come" do
  began = Time.now
  Note.perform_in(1, "later")
  Note.perform_in(3600, "much later")
  eventually("the job") { notes == ["later"] }
  raise "too early" if Time.now - began < 0.9

  assert_equal 1, Sidekiq::ScheduledSet.new.size
end

check "the script of schedules is loaded again when the server forgot it" do
  redis { |client| client.script(:flush) }
  Note.perform_in(0.5, "after the flush")
  eventually("the job") { notes.last == "after the flush" }
end

check "a scheduled job is found, rescheduled and deleted" do
  jobs = Sidekiq::ScheduledSet.new
  job = jobs.scan("much later").first
  assert_equal ["much later"], job.args
  job.reschedule(Time.now.to_f + 7200)
  assert_equal 1, jobs.size
  jobs.find_job(job.jid).delete
  assert_equal 0, jobs.size
end

check "a failing job is tried again until it succeeds" do
  Stubborn.perform_async(2)
  2.times do |attempt|
    eventually("the failure") { redis { |client| client.get("failures:2") } == (attempt + 1).to_s }
    hasten
  end
  eventually("the last attempt") { redis { |client| client.get("failures:2") } == "3" }
  eventually("no more attempts") { Sidekiq::RetrySet.new.size.zero? }
end

check "a job out of attempts is among the dead and can be tried by hand" do
  Stubborn.perform_async(3)
  2.times do |attempt|
    eventually("the failure") { redis { |client| client.get("failures:3") } == (attempt + 1).to_s }
    hasten
  end
  eventually("its death") { Sidekiq::DeadSet.new.size == 1 }
  assert_equal ["failure 3"], redis { |client| client.lrange("exhausted", 0, -1) }
  Sidekiq::DeadSet.new.first.retry
  eventually("its success") { redis { |client| client.get("failures:3") } == "4" }
  assert_equal 0, Sidekiq::DeadSet.new.size
end

check "a process that is asked to stop gives its job back" do
  # No other thread, which might still be waiting for a job when this one is given back.
  first = start("-q", "long", "-t", "1", threads: 1)
  Long.perform_async
  eventually("the job at work") { redis { |client| client.get("long") } == "1" }
  stop(first)
  assert_equal 1, Sidekiq::Queue.new("long").size
  second = start("-q", "long")
  eventually("the second run") { redis { |client| client.get("long") } == "2" }
  stop(second)
  assert_equal 0, Sidekiq::Queue.new("long").size
end

check "a queue can be paged, and cleared" do
  Sidekiq::Client.push_bulk("class" => Note, "queue" => "idle", "args" => (0...120).map { |number| [number.to_s] })
  queue = Sidekiq::Queue.new("idle")
  assert_equal (0...120).map(&:to_s), queue.map { |job| job.args.first }.reverse
  queue.find { |job| job.args == ["7"] }.delete
  assert_equal 119, queue.size
  queue.clear
  assert_equal 0, queue.size
end

processes.each { |pid| stop(pid) }

check "what was done is counted, and no process is left" do
  stats = Sidekiq::Stats.new
  raise "only #{stats.processed} processed" if stats.processed < 2006

  # The job that was given back may have been counted, too.
  raise "#{stats.failed} failures" unless [5, 6].include?(stats.failed)

  assert_equal [0, 0], [stats.processes_size, stats.enqueued]
end

finish
